import { apiUrl } from '@asterism/api';
import { deviceOption, diskKeys, instanceKeys, isRootDisk, keyFor, nicBridgedKeys, parseSize } from '@asterism/config-keys';
import { Database } from '@asterism/database';
import type { common, instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { rootDisk } from '../expand.js';
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

  async usedBy(call: CallContext, request: instances.UsedByRequest): Promise<common.UsedByMany> {
    const by_key: Record<string, common.UsedBy> = Object.fromEntries(request.names.map((name) => [name, { urls: [] }]));
    if (request.kind === 'project') return { by_key: { ...by_key, ...(await this.ofProjects(request.names)) } };
    const rows = await this.candidates(request);
    const projects = request.kind === 'profile' ? await this.surroundings.sharingProfiles(call, request.project || 'default', [...new Set(rows.map((row) => row.project))]) : undefined;
    for (const row of rows) {
      if (projects && !projects.includes(row.project)) continue;
      for (const name of keysOf(row, request)) by_key[name]?.urls.push(urlOf(row));
    }
    return { by_key };
  }

  async usage(request: instances.ProjectUsageRequest): Promise<instances.ProjectUsage> {
    const rows = await this.store.ofProject(request.project);
    const sum = (amount: (row: InstanceRow) => number): number => rows.reduce((total, row) => total + amount(row), 0);
    const { limitsCpu, limitsMemory, limitsProcesses } = instanceKeys;
    return {
      containers: rows.filter((row) => row.type === 'container').length,
      virtual_machines: rows.filter((row) => row.type === 'virtual-machine').length,
      limits: {
        [limitsCpu.name]: sum((row) => Number(row.expanded_config[limitsCpu.name] ?? 0) || 0),
        [limitsMemory.name]: sum((row) => parseSize(row.expanded_config[limitsMemory.name] ?? '') ?? 0),
        [limitsProcesses.name]: sum((row) => Number(row.expanded_config[limitsProcesses.name] ?? 0) || 0),
      },
      disk_bytes: sum((row) => parseSize(rootDisk(row.expanded_devices)?.options[diskKeys.size.name] ?? '') ?? 0),
    };
  }

  /** Nics on managed networks, with their addresses. */
  async nics(request: instances.UsedByRequest): Promise<common.Document> {
    const rows = await this.candidates({ ...request, kind: 'network' });
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

  /** URLs by project, put together where the rows are: there may be a hundred thousand. */
  private async ofProjects(names: readonly string[]): Promise<Record<string, common.UsedBy>> {
    const rows = await this.database.query<{ project: string; name: string }>(`SELECT project, name FROM instances.instances WHERE project = ANY($1) ORDER BY created_at`, [names]);
    return Object.fromEntries([...Map.groupBy(rows, ({ project }) => project)].map(([project, users]) => [project, { urls: users.map(urlOf) }]));
  }

  /** Rows that may use one of the names: by profile, image or project exactly, by device loosely. */
  private candidates(request: instances.UsedByRequest): Promise<Candidate[]> {
    const byKind: Record<string, string> = {
      profile: `profiles::jsonb ?| $1::text[]`,
      project: `project = ANY($1)`,
      image: `config->>'${instanceKeys.volatileBaseImage.name}' = ANY($1)`,
      pool: `EXISTS (SELECT 1 FROM json_each(expanded_devices) d WHERE d.value->>'${diskKeys.pool.name}' = ANY($1))`,
      network: `EXISTS (SELECT 1 FROM json_each(expanded_devices) d WHERE d.value->>'${nicBridgedKeys.network.name}' = ANY($1) OR d.value->>'${nicBridgedKeys.parent.name}' = ANY($1))`,
      volume: `EXISTS (SELECT 1 FROM json_each(expanded_devices) d WHERE d.value->>'${diskKeys.pool.name}' || '/custom/' || (d.value->>'${diskKeys.source.name}') = ANY($1))`,
    };
    const condition = byKind[request.kind] ?? 'false';
    const columns = ['profile', 'image'].includes(request.kind) ? `'{}'::json AS expanded_devices` : 'expanded_devices';
    const config = request.kind === 'profile' ? `'{}'::json AS config` : 'config';
    return this.database.query<Candidate>(`SELECT project, name, member, profiles, ${config}, ${columns} FROM instances.instances WHERE ${condition} ORDER BY created_at`, [request.names]);
  }
}

/** What tells whether an instance uses something. */
type Candidate = Pick<InstanceRow, 'project' | 'name' | 'member' | 'profiles' | 'config' | 'expanded_devices'>;

function urlOf({ project, name }: Pick<InstanceRow, 'project' | 'name'>): string {
  return apiUrl(['instances', name], { project });
}

/** Which of the asked names the instance uses. */
function keysOf(row: Candidate, request: instances.UsedByRequest): string[] {
  const devices = Object.values(row.expanded_devices);
  switch (request.kind) {
    case 'profile':
      return row.profiles;
    case 'project':
      return [row.project];
    case 'image':
      return [row.config[instanceKeys.volatileBaseImage.name] ?? ''];
    case 'pool':
      return [...new Set(devices.map((options) => options[diskKeys.pool.name] ?? ''))];
    case 'network':
      return [...new Set(devices.filter((options) => options[deviceOption.type] === 'nic').flatMap(networksOf))];
    case 'volume':
      return devices.filter((options) => options[diskKeys.pool.name] && !isRootDisk(options)).map((options) => `${options[diskKeys.pool.name]}/custom/${options[diskKeys.source.name]}`);
    default:
      return [];
  }
}

function networksOf(options: Record<string, string>): string[] {
  return [options[nicBridgedKeys.network.name], options[nicBridgedKeys.parent.name]].filter((name): name is string => Boolean(name));
}
