import { newerThanTarget } from './newer-than-target.js';

export interface Surroundings {
  /** Directories of this server by the name they are shown with. */
  directories: Record<string, string>;
}

/** JSON fields whose value depends on the moment or the machine, by the type that is shown instead. */
const measured = new Set([
  'usage', 'usage_peak', 'swap_usage', 'swap_usage_peak', 'pid', 'server_pid', 'processes', 'bytes_received', 'bytes_sent', 'packets_received', 'packets_sent',
  'packets_dropped_inbound', 'packets_dropped_outbound', 'errors_received', 'errors_sent', 'used', 'certificate_fingerprint', 'server_version', 'volatile.idmap.base',
]);

const uuid = /(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])/g;
const zeroTimes = new Set(['0001-01-01T00:00:00Z', '1970-01-01T00:00:00Z', '2023-11-14T22:13:20Z']);

/** Text of any command or answer with everything replaced that no two servers can share. */
export function normaliseText(text: string, surroundings: Surroundings): string {
  let shown = text
    .replaceAll('\r\n', '\n')
    // The client says so or not, depending on which of two answers comes first.
    .replace(/\n?Try `lxc info --show-log.*/g, '');
  for (const [name, directory] of Object.entries(surroundings.directories)) shown = shown.replaceAll(directory, `<${name}>`);
  shown = shown
    .replace(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----(\\n|\n)?/g, '<certificate>')
    .replace(uuid, '<uuid>')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, (time) => (zeroTimes.has(time) ? time : '<time>'))
    .replace(/\b\d{4}[/-]\d\d[/-]\d\d \d\d:\d\d(:\d\d(\.\d+)?)?( [+-]\d{4})?( UTC| -00)?/g, (time) => (/^(0001|1970|2023)/.test(time) ? time : '<time>'))
    .replace(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, (address) => (address === '00:00:00:00:00:00' ? address : '<hwaddr>'))
    .replace(/\b(?:veth|tap|mac)[0-9a-f]{8}\b/g, '<host-device>')
    .replace(/\bfe80::[0-9a-f:]+/g, '<link-local>')
    .replace(/\bfd42:[0-9a-f:]+/g, '<address6>')
    .replace(/\b10\.\d+\.\d+\.(?!1\b)\d+\b/g, '<address>')
    .replace(/\b(PID|Processes): \d+/g, '$1: <number>')
    .replace(/\b(Memory \((?:current|peak)\)|Bytes received|Bytes sent|Packets received|Packets sent|CPU usage \(in seconds\)|Usage): [\d.]+ ?[kKMGi]*B?/g, '$1: <number>')
    .replace(/(ETag doesn't match: )[0-9a-f]{64}( vs [0-9a-f]{64})?/g, '$1<etag>')
    .replace(/\b8000\.[0-9a-f]{12}\b/g, '<bridge id>')
    .replace(/\bspace used: .*/g, 'space used: <number>')
    .replace(/\b(volatile\.idmap\.(?:base|current|next)|volatile\.last_state\.idmap): .*/g, '$1: <idmap>')
    .replace(/"Hostid":\d+/g, '"Hostid":<id>');
  return shown.split('\n').map(tableLine).filter((line) => !isNewer(line)).join('\n');
}

/** Progress that is over leaves an empty object or nothing behind in an operation. */
function isForgottenProgress(key: string, field: unknown, parent: object): boolean {
  return key === 'metadata' && 'may_cancel' in parent && typeof field === 'object' && field !== null && Object.keys(field).every((name) => name.endsWith('progress'));
}

/** A JSON value with measured fields replaced and fields newer than the target dropped; keys in order. */
export function normaliseJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normaliseJson);
  if (value === null || typeof value !== 'object') return value;
  const shown: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (key in newerThanTarget) continue;
    if (key === 'api_extensions') shown[key] = '<extensions>';
    else if (/idmap/.test(key)) shown[key] = '<idmap>';
    else if (measured.has(key) && (typeof field === 'number' || typeof field === 'string')) shown[key] = `<${typeof field}>`;
    else if (key === 'secret') shown[key] = '<secret>';
    else if (key === 'resources') shown[key] = normaliseResources(field);
    else if (key === 'fds') shown[key] = normaliseSecrets(field);
    else if (isForgottenProgress(key, field, value)) shown[key] = null;
    else if (/progress$|^speed$/.test(key)) continue;
    else shown[key] = normaliseJson(field);
  }
  return shown;
}

/** The reference names what a change of all instances concerns in the order of a map. */
function normaliseResources(resources: unknown): unknown {
  if (resources === null || typeof resources !== 'object') return resources;
  return Object.fromEntries(Object.entries(resources).sort().map(([kind, urls]) => [kind, Array.isArray(urls) ? [...(urls as unknown[])].sort() : normaliseJson(urls)]));
}

function normaliseSecrets(fds: unknown): unknown {
  return Object.fromEntries(Object.keys(fds as object).sort().map((name) => [name, '<secret>']));
}

/** Widths of tables follow the widest value, which may be an address; they are not compared. */
function tableLine(line: string): string {
  if (/^[+|]/.test(line)) return line.replace(/-{2,}/g, '-').replace(/ {2,}/g, ' ');
  return line.replace(/[ \t]+$/, '');
}

function isNewer(line: string): boolean {
  const key = /^\s*([a-z_]+):/.exec(line)?.[1];
  return key !== undefined && key in newerThanTarget;
}
