/** "/1.0/<path>" with "?project=" for every project but default, as LXD writes URLs. */
export function projectUrl(project: string, ...path: string[]): string {
  const url = `/1.0/${path.map(encodeURIComponent).join('/')}`;
  return project === 'default' ? url : `${url}?project=${encodeURIComponent(project)}`;
}
