import { instanceKeys, parseSize, projectKeys, type ConfigKey } from '@asterism/config-keys';
import type { Config, InstanceFacts, ProjectFacts } from './facts.js';

const quote = (text: string): string => JSON.stringify(text);

/** Sizes that custom volumes claim; "" where a volume has none. */
export interface VolumeSize {
  name: string;
  size: string;
}

/** A sum over the instances of a project that its config bounds. */
interface Aggregate {
  key: ConfigKey;
  claim(instance: InstanceFacts): string;
  parse(value: string): number | undefined;
  missing: string;
}

const integer = (value: string): number | undefined => (/^\d+$/.test(value) ? Number(value) : undefined);
const configured = (key: ConfigKey) => ({
  claim: (instance: InstanceFacts) => instance.config[key.name] ?? '',
  missing: `${quote(key.name)} config, either directly or via a profile`,
});

const aggregates: readonly Aggregate[] = [
  { key: projectKeys.limitsCpu, parse: integer, ...configured(instanceKeys.limitsCpu) },
  {
    key: projectKeys.limitsDisk,
    parse: parseSize,
    claim: (instance) => Object.values(instance.devices).find((device) => device['type'] === 'disk' && device['path'] === '/')?.['size'] ?? '',
    missing: '"size" config set on the root device either directly or via a profile',
  },
  { key: projectKeys.limitsMemory, parse: parseSize, ...configured(instanceKeys.limitsMemory) },
  { key: projectKeys.limitsProcesses, parse: integer, ...configured(instanceKeys.limitsProcesses) },
];

/** Whether anything of a project's config makes its instances matter to each other. */
export function hasLimits(config: Config): boolean {
  return [projectKeys.limitsContainers, projectKeys.limitsVirtualMachines, projectKeys.limitsInstances, ...aggregates.map((aggregate) => aggregate.key)].some((key) => config[key.name]);
}

/** Why one more instance of a type is too many, in LXD's words; `others` are those that exist. */
export function refusedCount(project: ProjectFacts, type: InstanceFacts['type'], others: readonly InstanceFacts[]): string | undefined {
  const total = project.config[projectKeys.limitsInstances.name];
  if (total && others.length >= Number(total)) return `Reached maximum number of instances in project ${quote(project.name)}`;
  const ofType = project.config[countKey(type).name];
  if (ofType && others.filter((other) => other.type === type).length >= Number(ofType)) return `Reached maximum number of instances of type ${quote(type)} in project ${quote(project.name)}`;
  return undefined;
}

function countKey(type: InstanceFacts['type']): ConfigKey {
  return type === 'container' ? projectKeys.limitsContainers : projectKeys.limitsVirtualMachines;
}

/** Why the instances and volumes together are too much for a project, in LXD's words. */
export function refusedTotals(project: ProjectFacts, instances: readonly InstanceFacts[], volumes: readonly VolumeSize[]): string | undefined {
  for (const aggregate of aggregates) {
    const limit = project.config[aggregate.key.name];
    if (!limit) continue;
    const total = sum(aggregate, project.name, instances, volumes);
    if (typeof total === 'string') return `Failed getting usage of project entities: ${total}`;
    if (total > (aggregate.parse(limit) ?? Infinity)) return `Reached maximum aggregate value ${quote(limit)} for ${quote(aggregate.key.name)} in project ${quote(project.name)}`;
  }
  return undefined;
}

/** Why a project's changed limits do not suit what it has, in LXD's words. */
export function refusedLimitChange(project: ProjectFacts, changed: readonly string[], instances: readonly InstanceFacts[], volumes: readonly VolumeSize[]): string | undefined {
  for (const key of changed) {
    const reason = tooLowCount(project, key, instances) ?? tooLowTotal(project, key, instances, volumes);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function tooLowCount(project: ProjectFacts, key: string, instances: readonly InstanceFacts[]): string | undefined {
  const limit = project.config[key];
  if (!limit) return undefined;
  if (key === projectKeys.limitsInstances.name && instances.length > Number(limit)) {
    return `Can't change limits.instances in project ${quote(project.name)}: "limits.instances" is too low: there currently are ${instances.length} total instances in project ${quote(project.name)}`;
  }
  for (const type of ['container', 'virtual-machine'] as const) {
    const count = instances.filter((instance) => instance.type === type).length;
    if (key === countKey(type).name && count > Number(limit)) {
      return `Can't change ${quote(key)} in project ${quote(project.name)}: ${quote(key)} is too low: there currently are ${count} instances of type ${type} in project ${quote(project.name)}`;
    }
  }
  return undefined;
}

function tooLowTotal(project: ProjectFacts, key: string, instances: readonly InstanceFacts[], volumes: readonly VolumeSize[]): string | undefined {
  const aggregate = aggregates.find((candidate) => candidate.key.name === key);
  const limit = aggregate && project.config[key];
  if (!aggregate || !limit) return undefined;
  const total = sum(aggregate, project.name, instances, volumes);
  if (typeof total === 'string') return total;
  return total > (aggregate.parse(limit) ?? Infinity) ? `${quote(key)} is too low: current total is ${quote(shown(aggregate, total))}` : undefined;
}

/** The total, or why it cannot be known: every instance must say what it claims. */
function sum(aggregate: Aggregate, project: string, instances: readonly InstanceFacts[], volumes: readonly VolumeSize[]): number | string {
  let total = 0;
  for (const instance of instances) {
    const claim = aggregate.claim(instance);
    if (claim === '') return `Instance ${quote(instance.name)} in project ${quote(project)} has no ${aggregate.missing}`;
    const value = aggregate.parse(claim);
    if (value === undefined) return `Failed parsing ${quote(aggregate.key.name)} for instance ${quote(instance.name)} in project ${quote(project)}`;
    total += value;
  }
  if (aggregate.key !== projectKeys.limitsDisk) return total;
  for (const volume of volumes) {
    if (volume.size === '') return `Custom volume ${quote(volume.name)} in project ${quote(project)} has no "size" config set`;
    total += parseSize(volume.size) ?? 0;
  }
  return total;
}

/** Like LXD's units.GetByteSizeStringIEC with one digit. */
function shown(aggregate: Aggregate, total: number): string {
  if (aggregate.parse !== parseSize) return String(total);
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  const power = total < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(total) / 10));
  return power === 0 ? `${total}B` : `${(total / 1024 ** power).toFixed(1)}${units[power]}`;
}

export interface ResourceState {
  Limit: number;
  Usage: number;
}

/** GET /1.0/projects/{name}/state: claims that are unset or cannot be added up count as nothing. */
export function projectState(project: ProjectFacts, instances: readonly InstanceFacts[], volumes: readonly VolumeSize[], networks: number): Record<string, ResourceState> {
  const claimed = ({ key, claim, parse }: Aggregate): number => instances.reduce((total, instance) => total + (parse(claim(instance)) ?? 0), 0) + (key === projectKeys.limitsDisk ? volumes.reduce((total, volume) => total + (parseSize(volume.size) ?? 0), 0) : 0);
  const limit = (key: ConfigKey, parse: (value: string) => number | undefined = integer): number => parse(project.config[key.name] ?? '') ?? -1;
  const ofType = (type: InstanceFacts['type']): number => instances.filter((instance) => instance.type === type).length;
  const [cpu, disk, memory, processes] = aggregates.map((aggregate) => ({ Limit: limit(aggregate.key, aggregate.parse), Usage: claimed(aggregate) }));
  return {
    containers: { Limit: limit(projectKeys.limitsContainers), Usage: ofType('container') },
    cpu: cpu!,
    disk: disk!,
    instances: { Limit: limit(projectKeys.limitsInstances), Usage: instances.length },
    memory: memory!,
    networks: { Limit: limit(projectKeys.limitsNetworks), Usage: networks },
    processes: processes!,
    'virtual-machines': { Limit: limit(projectKeys.limitsVirtualMachines), Usage: ofType('virtual-machine') },
  };
}
