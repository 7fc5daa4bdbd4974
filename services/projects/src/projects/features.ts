import { invalidProjectConfig, isFalse, isTrue, projectKeys } from '@asterism/config-keys';

export const defaultProject = 'default';

type Config = Readonly<Record<string, string>>;

const features = [projectKeys.featuresImages, projectKeys.featuresNetworks, projectKeys.featuresProfiles, projectKeys.featuresStorageVolumes].map((key) => key.name);
const onUnlessNamed = [projectKeys.featuresImages, projectKeys.featuresProfiles, projectKeys.featuresStorageVolumes].map((key) => key.name);

/** The config of a new project: features it does not name are on, except networks. */
export function withFeatureDefaults(config: Config): Record<string, string> {
  return { ...Object.fromEntries(onUnlessNamed.map((name) => [name, 'true'])), ...config };
}

export function hasOwnProfiles(config: Config): boolean {
  return isTrue(config[projectKeys.featuresProfiles.name]);
}

/** Why a config is no project's, in LXD's words. */
export function invalidProject(config: Config): string | undefined {
  const invalid = invalidProjectConfig(config);
  if (invalid !== undefined) return invalid;
  // Restrictions are not applied to the default project's profiles, so a project that uses those could escape its own.
  if (isTrue(config[projectKeys.restricted.name]) && !hasOwnProfiles(config)) return 'Projects without their own profiles cannot be restricted';
  return undefined;
}

/** Why these features may not change, in LXD's words: those of default never, those of a project in use only from unset or off to on for networks. */
export function refusedFeatureChange(project: { name: string; config: Config }, next: Config, inUse: boolean): string | undefined {
  const changed = features.filter((name) => (project.config[name] ?? '') !== (next[name] ?? ''));
  if (changed.length === 0) return undefined;
  if (project.name === defaultProject) return "You can't change the features of the default project";
  if (!inUse) return undefined;
  for (const name of changed) {
    if (isTrue(project.config[name])) return `Project feature ${JSON.stringify(name)} cannot be disabled on non-empty projects`;
    if (isFalse(project.config[name]) && name !== projectKeys.featuresNetworks.name) return `Project feature ${JSON.stringify(name)} cannot be enabled on non-empty projects`;
  }
  return undefined;
}
