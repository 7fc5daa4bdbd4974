/** Why a project cannot have this name, in LXD's words; undefined where it can. */
export function invalidProjectName(name: string): string | undefined {
  if (name === '') return 'No name provided';
  if (name.includes('/')) return 'Project names may not contain slashes';
  if (name.includes(' ')) return 'Project names may not contain spaces';
  if (name.includes('_')) return 'Project names may not contain underscores';
  if (/['"]/.test(name)) return 'Project names may not contain quotes';
  if (name === '*') return 'Reserved project name';
  if (name === '.' || name === '..' || /[\u0000-\u001f\u007f]/.test(name)) return `Invalid project name ${JSON.stringify(name)}`;
  return undefined;
}
