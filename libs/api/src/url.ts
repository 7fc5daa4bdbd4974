/**
 * A URL of the API from its parts below /1.0, each escaped: `apiUrl(['instances', 'c1'], { project })`. As LXD writes them, the
 * default project is not named.
 */
export function apiUrl(parts: readonly string[], options: { project?: string; target?: string } = {}): string {
  const query: string[] = [];
  if (options.project && options.project !== 'default') query.push(`project=${encodeURIComponent(options.project)}`);
  if (options.target && options.target !== 'none') query.push(`target=${encodeURIComponent(options.target)}`);
  const path = ['/1.0', ...parts.map(encodeSegment)].join('/');
  return query.length === 0 ? path : `${path}?${query.join('&')}`;
}

/** Go's url.PathEscape: leaves the sub-delimiters that a path may hold. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment)
    .replace(/%(?:24|26|2B|3A|3D|40)/g, decodeURIComponent)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
