/** An instance's options by name, and devices by name. */
export type Config = Record<string, string>;
export type Devices = Record<string, Record<string, string>>;

/** What a profile gives to the instances that use it. */
export interface ProfileConfig {
  name: string;
  config: Config;
  devices: Devices;
}

/** LXD's status words with their codes. */
export const statusCodes = { Stopped: 102, Running: 103, Frozen: 110, Error: 112 } as const;
export type Status = keyof typeof statusCodes;

/** The changes that exclude each other on one instance; LXD's words for its operation locks where it has them. */
export type Busy = 'create' | 'start' | 'stop' | 'restart' | 'freeze' | 'unfreeze' | 'delete' | 'rename' | 'update' | 'snapshot' | 'restore';

export interface InstanceRow {
  id: string;
  project: string;
  name: string;
  type: string;
  architecture: string;
  description: string;
  ephemeral: boolean;
  stateful: boolean;
  config: Config;
  devices: Devices;
  profiles: string[];
  expanded_config: Config;
  expanded_devices: Devices;
  member: string;
  pool: string;
  pool_driver: string;
  volume_path: string;
  status: Status;
  status_code: number;
  busy: Busy | null;
  busy_task: string | null;
  created_at: Date;
  last_used_at: Date | null;
}

export interface SnapshotRow {
  id: string;
  instance_id: string;
  name: string;
  architecture: string;
  ephemeral: boolean;
  stateful: boolean;
  config: Config;
  devices: Devices;
  profiles: string[];
  expanded_config: Config;
  expanded_devices: Devices;
  description: string;
  created_at: Date;
  expires_at: Date | null;
}

export const isRunning = (row: { status: string }): boolean => row.status === 'Running' || row.status === 'Frozen';

/** What an instance's ETag covers, in LXD's order. */
export function etagOf(row: InstanceRow): unknown {
  return [row.architecture, row.config, row.devices, row.ephemeral, row.profiles];
}

/** Keys in the order the API shows them. */
export function sorted<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function sortedDevices(devices: Devices): Devices {
  return sorted(Object.fromEntries(Object.entries(devices).map(([name, options]) => [name, sorted(options)])));
}
