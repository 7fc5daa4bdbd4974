export const defaultProfile = 'default';

/** Why a profile cannot have this name, in LXD's words; undefined where it can. */
export function invalidProfileName(name: string): string | undefined {
  if (name === '') return 'No name provided';
  if (name.includes('/')) return 'Profile names may not contain slashes';
  if (name === '.' || name === '..' || /[\u0000-\u001f\u007f]/.test(name)) return `Invalid profile name ${JSON.stringify(name)}`;
  return undefined;
}
