import { apiUrl } from '@asterism/api';
import { deviceOption, diskKeys, instanceKeys, keyFor, nicBridgedKeys, parseSize } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import type { common, instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { isRunning, type InstanceRow } from '../instance.js';
import { InstanceStore } from '../instance.store.js';
import { Surroundings } from '../surroundings.js';
import { rendered } from './rendered.js';

/** Answers other services' questions about instances, each in one query. */
@Injectable()
export class Neighbours {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(InstanceStore) private readonly store: InstanceStore,
    @Inject(Surroundings) private readonly surroundings: Surroundings,
  ) {}

  async locate(ref: instances.InstanceRef): Promise<instances.Location> {
    const row = await this.store.get(ref.project, ref.name, ref.view);
    return { id: row.id, member: row.member, type: row.type, running: isRunning(row) };
  }

  /** URLs by name of what is used, put together from names alone: there may be a hundred thousand instances. */
  async usedBy(call: CallContext, { kind, project, names }: instances.UsedByRequest): Promise<common.UsedByMany> {
    const by_key: Record<string, common.UsedBy> = Object.fromEntries(names.map((name) => [name, { urls: [] }]));
    const keys = keysOfKind[kind];
    if (names.length === 0 || keys === undefined) return { by_key };
    const rows = await this.database.query<{ key: string; project: string; name: string }>(
      `SELECT used.key, i.project, i.name FROM instances.instances i CROSS JOIN LATERAL (SELECT DISTINCT key FROM (${keys}) AS keys (key) WHERE key = ANY($1)) AS used ORDER BY i.created_at`,
      [names],
    );
    const sharing = kind === 'profile' ? new Set(await this.surroundings.sharingProfiles(call, project || 'default', [...new Set(rows.map((row) => row.project))])) : undefined;
    for (const row of rows) if (!sharing || sharing.has(row.project)) by_key[row.key]!.urls.push(urlOf(row));
    return { by_key };
  }

  /** Instances that ask for the same are counted together. */
  async usage({ project }: instances.ProjectUsageRequest): Promise<instances.ProjectUsage> {
    const { limitsCpu, limitsMemory, limitsProcesses } = instanceKeys;
    const groups = await this.database.query<UsageGroup>(
      `SELECT type, expanded_config->>'${limitsCpu.name}' AS cpu, expanded_config->>'${limitsMemory.name}' AS memory, expanded_config->>'${limitsProcesses.name}' AS processes,
         (SELECT d.value->>'${diskKeys.size.name}' FROM json_each(expanded_devices) d WHERE ${isRoot} LIMIT 1) AS disk, count(*)::int AS count
       FROM instances.instances WHERE project = $1 GROUP BY 1, 2, 3, 4, 5`,
      [project],
    );
    const sum = (amount: (group: UsageGroup) => number): number => groups.reduce((total, group) => total + amount(group) * group.count, 0);
    return {
      containers: sum(({ type }) => Number(type === 'container')),
      virtual_machines: sum(({ type }) => Number(type === 'virtual-machine')),
      limits: {
        [limitsCpu.name]: sum(({ cpu }) => Number(cpu ?? 0) || 0),
        [limitsMemory.name]: sum(({ memory }) => parseSize(memory ?? '') ?? 0),
        [limitsProcesses.name]: sum(({ processes }) => Number(processes ?? 0) || 0),
      },
      disk_bytes: sum(({ disk }) => parseSize(disk ?? '') ?? 0),
    };
  }

  /** Nics on managed networks, with their addresses. */
  async nics(request: instances.UsedByRequest): Promise<common.Document> {
    const rows = await this.nicCandidates(request.names);
    const nics = rows.flatMap((row) =>
      Object.entries(row.expanded_devices)
        .filter(([, options]) => options[deviceOption.type] === 'nic' && networksOf(options).some((name) => request.names.includes(name)))
        .map(([device, options]) => ({
          project: row.project,
          instance: row.name,
          device,
          network: networksOf(options).find((name) => request.names.includes(name)) ?? '',
          hwaddr: options[nicBridgedKeys.hwaddr.name] ?? row.config[keyFor(instanceKeys.volatileDeviceHwaddr, device)] ?? '',
          ipv4: options[nicBridgedKeys.ipv4Address.name] ?? '',
          ipv6: options[nicBridgedKeys.ipv6Address.name] ?? '',
          member: row.member,
        })),
    );
    return rendered(JSON.stringify(nics));
  }

  /** Rows with nics that may be on one of the networks. */
  private nicCandidates(names: readonly string[]): Promise<Candidate[]> {
    return this.database.query<Candidate>(
      `SELECT project, name, member, config, expanded_devices FROM instances.instances
       WHERE EXISTS (SELECT 1 FROM json_each(expanded_devices) d WHERE d.value->>'${nicBridgedKeys.network.name}' = ANY($1) OR d.value->>'${nicBridgedKeys.parent.name}' = ANY($1)) ORDER BY created_at`,
      [names],
    );
  }
}

const option = (key: { name: string } | string): string => `d.value->>'${typeof key === 'string' ? key : key.name}'`;
const isRoot = `${option(deviceOption.type)} = 'disk' AND ${option(diskKeys.path)} = '/' AND coalesce(${option(diskKeys.source)}, '') = ''`;

/** What an instance uses, as SQL that answers one row for each: by name, of volumes as pool/custom/name. */
const keysOfKind: Readonly<Record<string, string>> = {
  project: 'SELECT i.project',
  profile: 'SELECT json_array_elements_text(i.profiles)',
  image: `SELECT i.config->>'${instanceKeys.volatileBaseImage.name}'`,
  pool: `SELECT ${option(diskKeys.pool)} FROM json_each(i.expanded_devices) d`,
  network: `SELECT unnest(ARRAY[${option(nicBridgedKeys.network)}, ${option(nicBridgedKeys.parent)}]) FROM json_each(i.expanded_devices) d WHERE ${option(deviceOption.type)} = 'nic'`,
  volume: `SELECT ${option(diskKeys.pool)} || '/custom/' || (${option(diskKeys.source)}) FROM json_each(i.expanded_devices) d`,
};

interface UsageGroup {
  type: string;
  cpu: string | null;
  memory: string | null;
  processes: string | null;
  /** Size of the root disk. */
  disk: string | null;
  count: number;
}

type Candidate = Pick<InstanceRow, 'project' | 'name' | 'member' | 'config' | 'expanded_devices'>;

function urlOf({ project, name }: Pick<InstanceRow, 'project' | 'name'>): string {
  return apiUrl(['instances', name], { project });
}

function networksOf(options: Record<string, string>): string[] {
  return [options[nicBridgedKeys.network.name], options[nicBridgedKeys.parent.name]].filter((name): name is string => Boolean(name));
}
