import type { Validator } from '../validators.js';

/** A count ("2") or a set of CPUs ("0-3,5"); digits, commas and dashes, not at the ends. */
export const cpuLimit: Validator = (value) => (/^[0-9](?:[0-9,-]*[0-9])?$/.test(value) ? undefined : 'Invalid CPU limit syntax');

/** A soft share in percent ("50%") or a hard quota ("25ms/100ms"). */
export const cpuAllowance: Validator = (value) => {
  if (value.endsWith('%')) {
    return /^[+-]?\d+%$/.test(value) ? undefined : `strconv.Atoi: parsing ${JSON.stringify(value.slice(0, -1))}: invalid syntax`;
  }
  const parts = value.split('/');
  if (parts.length !== 2) return `Invalid allowance: ${value}`;
  const bad = parts.find((part) => !/^\d+ms$/.test(part));
  return bad === undefined ? undefined : `strconv.Atoi: parsing ${JSON.stringify(bad.replace(/ms$/, ''))}: invalid syntax`;
};

/** Keys of lxc.conf the server owns, whatever raw.lxc says (source: the reference refuses them with these sentences). */
const ownLxcKeys = new Set(['lxc.logfile', 'lxc.log.file', 'lxc.syslog', 'lxc.log.syslog', 'lxc.ephemeral']);
const allowedNetworkKeys = /^(name|ipv[46](\.|_)(address|gateway)|veth\.mode|script\.(up|down)|hwaddr|mtu)$/;

/** Keys that LXC 5.0 reads in a configuration; those that end in a dot begin names of any kind. */
const lxcKeys = [
  'lxc.apparmor.profile lxc.apparmor.allow_incomplete lxc.apparmor.allow_nesting lxc.apparmor.raw lxc.arch lxc.autodev lxc.autodev.tmpfs.size lxc.cap.drop lxc.cap.keep',
  'lxc.cgroup. lxc.cgroup2. lxc.console.buffer.size lxc.console.logfile lxc.console.path lxc.console.rotate lxc.console.size lxc.environment lxc.execute.cmd lxc.group',
  'lxc.hook.autodev lxc.hook.clone lxc.hook.destroy lxc.hook.mount lxc.hook.post-stop lxc.hook.pre-mount lxc.hook.pre-start lxc.hook.start lxc.hook.start-host lxc.hook.stop',
  'lxc.hook.version lxc.idmap lxc.include lxc.init.cmd lxc.init.cwd lxc.init.gid lxc.init.groups lxc.init.uid lxc.keyring.session lxc.log.level lxc.monitor.signal.pdeath',
  'lxc.monitor.unshare lxc.mount.auto lxc.mount.entry lxc.mount.fstab lxc.namespace.clone lxc.namespace.keep lxc.namespace.share. lxc.net. lxc.no_new_privs lxc.prlimit.',
  'lxc.proc. lxc.pty.max lxc.rootfs.managed lxc.rootfs.mount lxc.rootfs.options lxc.rootfs.path lxc.sched.core lxc.seccomp.allow_nesting lxc.seccomp.notify.cookie',
  'lxc.seccomp.notify.proxy lxc.seccomp.profile lxc.selinux.context lxc.selinux.context.keyring lxc.signal.halt lxc.signal.reboot lxc.signal.stop lxc.start.auto lxc.start.delay',
  'lxc.start.order lxc.sysctl. lxc.time.offset.boot lxc.time.offset.monotonic lxc.tty.dir lxc.tty.max lxc.uts.name',
].flatMap((line) => line.split(' '));
const exactLxcKeys = new Set(lxcKeys.filter((key) => !key.endsWith('.')));
const lxcKeyFamilies = lxcKeys.filter((key) => key.endsWith('.'));

/** KEY=VALUE lines; keys that LXC does not know would stop every start. Logging, ephemeral, prlimit and most lxc.net keys are refused. */
export const rawLxc: Validator = (value) => {
  for (const line of value.split('\n')) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const separator = text.indexOf('=');
    if (separator < 0) return `Invalid raw.lxc line: ${line}`;
    const key = text.slice(0, separator).trim().toLowerCase();
    if (ownLxcKeys.has(key)) return `Setting ${key === 'lxc.log.file' ? 'lxc.logfile' : key === 'lxc.log.syslog' ? 'lxc.syslog' : key} is not allowed`;
    if (key.startsWith('lxc.prlimit.')) return `Process limits should be set via "limits.kernel.[limit name]" and not directly via "lxc.prlimit.[limit name]"`;
    const network = /^lxc\.net(?:work)?\.\d+\.(.+)$/.exec(key)?.[1];
    if ((key.startsWith('lxc.net.') || key.startsWith('lxc.network.')) && !(network && allowedNetworkKeys.test(network))) {
      return 'Only interface-specific ipv4/ipv6 lxc.net. keys are allowed';
    }
    if (!exactLxcKeys.has(key) && !lxcKeyFamilies.some((family) => key.startsWith(family) && key !== family)) return `Failed to load raw.lxc: unknown key ${JSON.stringify(key)}`;
  }
  return undefined;
};

const expiryItem = /^(\d+)([MHdwmy])$/;

/** "1d 2H" and the like: each unit once. */
export const snapshotExpiry: Validator = (value) => {
  const items = value.trim().split(/\s+/);
  return items.every((item) => expiryItem.test(item)) ? undefined : `Invalid expiry expression`;
};

/** The moment a snapshot taken now expires, in unix milliseconds. */
export function expiryFrom(nowMs: number, expression: string): number {
  const date = new Date(nowMs);
  for (const item of expression.trim().split(/\s+/)) {
    const match = expiryItem.exec(item);
    if (!match) continue;
    const count = Number(match[1]);
    if (match[2] === 'M') date.setUTCMinutes(date.getUTCMinutes() + count);
    if (match[2] === 'H') date.setUTCHours(date.getUTCHours() + count);
    if (match[2] === 'd') date.setUTCDate(date.getUTCDate() + count);
    if (match[2] === 'w') date.setUTCDate(date.getUTCDate() + 7 * count);
    if (match[2] === 'm') date.setUTCMonth(date.getUTCMonth() + count);
    if (match[2] === 'y') date.setUTCFullYear(date.getUTCFullYear() + count);
  }
  return date.getTime();
}

const scheduleAliases = ['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@annually', '@yearly', '@startup', '@never'];
const scheduleField = /^(?:\*|\d{1,2}(?:-\d{1,2})?)(?:\/\d{1,2})?(?:,(?:\*|\d{1,2}(?:-\d{1,2})?)(?:\/\d{1,2})?)*$/;

/** A cron expression, or aliases separated by commas. */
export const snapshotSchedule: Validator = (value) => {
  const text = value.trim();
  if (text.startsWith('@')) {
    return text.split(/\s*,\s*/).every((alias) => scheduleAliases.includes(alias)) ? undefined : 'Unexpected snapshot schedule alias';
  }
  const fields = text.split(/\s+/);
  if (fields.length !== 5) return 'Schedule must be of the form: <minute> <hour> <day-of-month> <month> <day-of-week>';
  return fields.every((field) => scheduleField.test(field)) ? undefined : 'Error parsing schedule';
};

/** Lines "both|uid|gid HOST NS", each an id or a range. */
export const rawIdmap: Validator = (value) => {
  for (const line of value.split('\n').filter((text) => text.trim() !== '')) {
    const fields = line.trim().split(/\s+/);
    const [kind = '', host = '', inside = ''] = fields;
    if (fields.length !== 3) return `Invalid ID map line ${JSON.stringify(line)}`;
    const bad = [host, inside].flatMap((ids) => ids.split('-', 3)).find((id) => !/^\d+$/.test(id));
    if (bad !== undefined) return `strconv.ParseInt: parsing ${JSON.stringify(bad)}: invalid syntax`;
    if (rangeSize(host) !== rangeSize(inside)) return `The ID map ranges are of different sizes ${JSON.stringify(line)}`;
    if (!['both', 'uid', 'gid'].includes(kind)) return `Invalid ID map type ${JSON.stringify(line)}`;
  }
  return undefined;
};

function rangeSize(ids: string): number {
  const [first = 0, last = first] = ids.split('-').map(Number);
  return last - first + 1;
}

/** A soft and a hard limit, or one for both. */
export const kernelLimit: Validator = (value) => (/^(?:\d+|unlimited)(?::(?:\d+|unlimited))?$/.test(value) ? undefined : `Initialize LXC: Failed to set LXC config: invalid process limit ${JSON.stringify(value)}`);
