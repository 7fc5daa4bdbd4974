import { deviceOption, diskKeys, isRootDisk, parseSize } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { Host } from '../../host/host.js';
import type { MountEntry } from '../../host/mounts.js';
import type { CgroupValue } from './cgroup-limits.js';

type InstanceSpec = agentInstances.InstanceSpec;
type Options = Readonly<Record<string, string>>;

/** What may be read and written in a second; 0: as much as it can. */
interface Rates {
  readBytes: number;
  readOperations: number;
  writeBytes: number;
  writeOperations: number;
}

const { limitsRead, limitsWrite, limitsMax } = diskKeys;

/** Options of a disk that reach a running instance without unplugging it. */
export const diskLimitOptions: readonly string[] = [limitsRead.name, limitsWrite.name, limitsMax.name];

/** The rates of a disk, or undefined where it has none; throws for what is none. */
export function diskRates(options: Options): Rates | undefined {
  const [read, write] = [options[limitsMax.name] || options[limitsRead.name], options[limitsMax.name] || options[limitsWrite.name]];
  if (!read && !write) return undefined;
  const [readRate, writeRate] = [rate(read), rate(write)];
  return { readBytes: readRate.bytes, readOperations: readRate.operations, writeBytes: writeRate.bytes, writeOperations: writeRate.operations };
}

function ratesOf(device: string, options: Options): Rates | undefined {
  try {
    return diskRates(options);
  } catch (error) {
    throw new LxdError('internal', `Failed to start device ${JSON.stringify(device)}: ${(error as Error).message}`, { cause: error });
  }
}

function rate(text: string | undefined): { bytes: number; operations: number } {
  if (!text) return { bytes: 0, operations: 0 };
  const operations = /^(\d+)iops$/.exec(text);
  if (operations) return { bytes: 0, operations: Number(operations[1]) };
  const bytes = parseSize(text);
  if (bytes === undefined) throw new LxdError('internal', `Invalid value: ${text}`);
  return { bytes, operations: 0 };
}

/** The control values that an instance's disks mean: one set for each block device below them, on average where several disks lie on one. */
export async function diskLimits(host: Host, spec: InstanceSpec, version: 'v1' | 'hybrid' | 'v2'): Promise<CgroupValue[]> {
  const limited = Object.entries(spec.devices).flatMap(([name, device]) => {
    const rates = device.options[deviceOption.type] === 'disk' ? ratesOf(name, device.options) : undefined;
    const path = isRootDisk(device.options) ? spec.volume_path : device.volume_path || device.options[diskKeys.source.name] || '';
    return rates && path ? [{ rates, path }] : [];
  });
  if (limited.length === 0) return [];
  const mounts = await host.mounts.list();
  const byDevice = new Map<string, Rates[]>();
  for (const { rates, path } of limited) {
    const device = await blockDeviceBelow(host, mounts, path);
    if (device !== undefined) byDevice.set(device, [...(byDevice.get(device) ?? []), rates]);
  }
  return [...byDevice].flatMap(([device, rates]) => throttles(device, average(rates), version));
}

/** What takes the limits of these values away. */
export function withoutThrottle([file, value]: CgroupValue): CgroupValue {
  const device = value.slice(0, value.indexOf(' '));
  return [file, file === 'io.max' ? `${device} rbps=max wbps=max riops=max wiops=max` : `${device} 0`];
}

function throttles(device: string, { readBytes, readOperations, writeBytes, writeOperations }: Rates, version: 'v1' | 'hybrid' | 'v2'): CgroupValue[] {
  if (version === 'v2') {
    const words = Object.entries({ rbps: readBytes, wbps: writeBytes, riops: readOperations, wiops: writeOperations }).map(([word, value]) => `${word}=${value > 0 ? value : 'max'}`);
    return [['io.max', `${device} ${words.join(' ')}`]];
  }
  const files = { read_bps: readBytes, write_bps: writeBytes, read_iops: readOperations, write_iops: writeOperations };
  return Object.entries(files).flatMap(([name, value]) => (value > 0 ? [[`blkio.throttle.${name}_device`, `${device} ${value}`] as const] : []));
}

function average(rates: readonly Rates[]): Rates {
  const of = (pick: (rates: Rates) => number): number => {
    const values = rates.map(pick).filter((value) => value > 0);
    return values.length === 0 ? 0 : Math.floor(values.reduce((sum, value) => sum + value, 0) / values.length);
  };
  return { readBytes: of((r) => r.readBytes), readOperations: of((r) => r.readOperations), writeBytes: of((r) => r.writeBytes), writeOperations: of((r) => r.writeOperations) };
}

/** "254:0" of the whole disk that a path lies on; undefined where there is none (memory, network). */
async function blockDeviceBelow(host: Host, mounts: readonly MountEntry[], path: string): Promise<string | undefined> {
  const real = await host.files.realpath(path).catch(() => path);
  const inside = mounts.filter(({ target }) => target === '/' || real === target || real.startsWith(`${target}/`));
  const mount = inside.sort((a, b) => a.target.length - b.target.length).at(-1);
  if (!mount) return undefined;
  const node = await host.files.device(mount.source);
  const number = node !== undefined && node !== 'none' && node.kind === 'block' ? `${node.major}:${node.minor}` : mount.device;
  if (number.startsWith('0:')) return undefined;
  const whole = (await host.files.exists(`/sys/dev/block/${number}/partition`)) ? await host.files.realpath(`/sys/dev/block/${number}`).then((directory) => host.files.readText(`${directory}/../dev`)) : number;
  return whole.trim();
}
