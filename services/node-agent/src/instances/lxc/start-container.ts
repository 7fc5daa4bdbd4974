import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { DeviceDrivers, StartedDevices } from '../../devices/device-drivers.js';
import { mountEntry, type IdRange, type LxcEntry } from '../../devices/device.js';
import type { FollowedDevices } from '../../devices/follow-devices.js';
import { guestDirectory, hasDevlxd, type Devlxd } from '../../devlxd/devlxd.js';
import type { Host } from '../../host/host.js';
import type { ProcessHandle } from '../../host/processes.js';
import { keepLink } from '../../storage/volume-links.js';
import type { InstanceTemplates } from '../templates/instance-templates.js';
import { hostName, instanceCgroup } from '../instance-layout.js';
import type { KnownInstances, RunningHandle } from '../known-instances.js';
import type { VolumeOwners } from '../owners/volume-owners.js';
import type { Step } from '../steps.js';
import type { Turns } from '../turns.js';
import { cgroupLimits, type LimitFacts } from './cgroup-limits.js';
import { CommandSocket } from './command-socket.js';
import type { ContainerHost } from './container-host.js';
import { cpusOfOthers, pickCpus } from './cpu-set.js';
import { diskLimits } from './disk-limits.js';
import { containerIdmap, idmapBase, idmapJson, isWithin, keptRange } from './idmap.js';
import type { Interception } from './interception.js';
import { isOn, lxcConfig, nvidiaHook } from './lxc-config.js';
import { setNetworkPriority } from './network-priority.js';
import { seccompPolicy } from './seccomp-policy.js';

const ORPHAN_GRACE_MS = 10_000;

/** A start under way: what is asked, and what the steps found out. */
export interface Starting {
  spec: agentInstances.InstanceSpec;
  idmap: IdRange[];
  /** Whether the root file system is shown with other ids than it has on disk. */
  idmapped: boolean;
  limits: LxcEntry[];
  interception: LxcEntry[];
  cpus: string | undefined;
  devices: StartedDevices;
  volatile: Record<string, string>;
  handle?: RunningHandle;
  socket?: CommandSocket;
}

export function starting(spec: agentInstances.InstanceSpec, idmap: IdRange[], idmapped: boolean): Starting {
  return { spec, idmap, idmapped, limits: [], interception: [], cpus: undefined, devices: { lxc: [], nics: [], volatile: {} }, volatile: {} };
}

export interface StartTools {
  host: Host;
  known: KnownInstances;
  devices: DeviceDrivers;
  templates: InstanceTemplates;
  followed: FollowedDevices;
  devlxd: Devlxd;
  interception: Interception;
  turns: Turns;
  facts: ContainerHost;
  owners: VolumeOwners;
}

/** Starting a container, in this order. */
export function startSteps(tools: StartTools): Step<Starting>[] {
  return [
    { name: 'end what a killed start left', run: ({ spec }) => endOrphan(tools, spec) },
    { name: 'prepare the host', run: (start) => prepareHost(tools, start) },
    { name: 'tell ids', run: async (start) => tellIds(start) },
    { name: 'pick limits', run: (start) => pickLimits(tools, start) },
    { name: 'prepare directories', run: (start) => prepareDirectories(tools, start) },
    { name: 'apply templates', run: (start) => applyTemplates(tools, start) },
    { name: 'open devlxd', run: ({ spec, idmap }) => tools.devlxd.open(spec, idmap), undo: ({ spec }) => tools.devlxd.close(spec.id) },
    { name: 'start devices', run: (start) => startDevices(tools, start), undo: async ({ spec }) => void (await tools.devices.stop(spec)) },
    { name: 'prepare for system calls', run: async (start) => void (start.interception = await tools.interception.prepare(start.spec, start.idmap)), undo: ({ spec }) => tools.interception.forget(spec.id) },
    { name: 'write configuration', run: (start) => writeConfiguration(tools, start) },
    { name: 'launch', run: (start) => launch(tools, start), undo: (start) => killMonitor(tools, start) },
    { name: 'attend to devices', run: ({ spec, handle }) => tools.devices.attend(spec, handle!) },
    { name: 'set the network priority', run: async ({ spec }) => void (spec.config[instanceKeys.limitsNetworkPriority.name] && (await setNetworkPriority(tools.host, spec))) },
    { name: 'keep the handle', run: (start) => tools.known.save({ spec: start.spec, running: { ...start.handle!, volatile: start.volatile } }) },
  ];
}

/** A container without a handle: the agent was killed between launching it and writing that down. */
export async function endOrphan({ host, known: { layout }, devices }: StartTools, spec: Starting['spec']): Promise<void> {
  const socket = await CommandSocket.open(layout.containers, hostName(spec)).catch(() => undefined);
  if (!socket) return;
  const pid = await socket.initPid().catch(() => undefined);
  const init = pid === undefined ? undefined : host.processes.handle(pid);
  if (init) host.processes.signal(init, 'SIGKILL');
  await Promise.race([socket.closed, new Promise((resolve) => setTimeout(resolve, ORPHAN_GRACE_MS).unref())]);
  socket.end();
  await devices.stop(spec);
  await host.cgroups.remove(`/${instanceCgroup(spec.id)}`).catch(() => undefined);
}

/** The id map that a container would start with now. Isolated ones keep theirs while they are stopped; `anew` gives one another. */
export function idmapFor({ known, facts }: StartTools, asked: Starting['spec'], how: { anew: boolean }): IdRange[] {
  const isolated = known.all().filter(({ spec }) => spec.id !== asked.id && isOn(spec.config, instanceKeys.securityIdmapIsolated.name));
  const taken = isolated.flatMap(({ spec, running }) => {
    const [kept, used] = [keptRange(spec.config), (running?.idmap ?? []).filter((range) => range.isUid)];
    return [...(kept ? [kept] : []), ...used.map(({ hostId, range }) => ({ hostId, range }))];
  });
  return containerIdmap(asked.config, facts.idRange, taken, how.anew ? 0 : keptRange(asked.config)?.hostId);
}

function tellIds(start: Starting): void {
  const map = idmapJson(start.idmap);
  Object.assign(start.volatile, {
    [instanceKeys.volatileIdmapBase.name]: idmapBase(start.spec.config, start.idmap),
    [instanceKeys.volatileIdmapCurrent.name]: map,
    [instanceKeys.volatileIdmapNext.name]: map,
    [instanceKeys.volatileLastStateIdmap.name]: idmapJson(start.idmapped ? [] : start.idmap),
    [instanceKeys.volatileLastStatePower.name]: 'RUNNING',
  });
}

async function pickLimits({ host, known, facts }: StartTools, start: Starting): Promise<void> {
  start.cpus = pickCpus(start.spec.config[instanceKeys.limitsCpu.name], facts.cpus, cpusOfOthers(known, start.spec.id));
  const prefix = facts.cgroups === 'v2' ? 'lxc.cgroup2.' : 'lxc.cgroup.';
  const values = [...cgroupLimits(start.spec.config, limitFacts(facts, start.cpus)), ...(await diskLimits(host, start.spec, facts.cgroups))];
  start.limits = values.map(([file, value]) => [prefix + file, value]);
}

export function limitFacts(facts: ContainerHost, cpus: string | undefined): LimitFacts {
  const { cgroups: version, memoryBytes: hostMemoryBytes, swapAccounting, hugepages, ioWeightFile } = facts;
  return { version, hostMemoryBytes, swapAccounting, hugepages, ioWeightFile, cpus };
}

/** What the instance wants of the host: kernel modules, and the tools of NVIDIA. */
async function prepareHost({ host }: StartTools, { spec: { config } }: Starting): Promise<void> {
  await loadModules(host, config[instanceKeys.linuxKernelModules.name] ?? '');
  if (!isOn(config, instanceKeys.nvidiaRuntime.name)) return;
  if (!(await host.files.exists(nvidiaHook))) throw new LxdError('internal', "Load go-lxc struct: The NVIDIA LXC hook couldn't be found");
  const tools = await Promise.all(['/usr/bin', '/usr/local/bin'].map((directory) => host.files.exists(`${directory}/nvidia-container-cli`)));
  if (!tools.includes(true)) throw new LxdError('internal', "Load go-lxc struct: The NVIDIA container tools couldn't be found");
}

/** @param list "ip_tables,loop"; those built into the kernel are there already */
export async function loadModules(host: Host, list: string): Promise<void> {
  for (const module of list.split(',').map((name) => name.trim()).filter(Boolean)) {
    if (!/^[\w-]+$/.test(module)) throw new LxdError('bad-request', `Invalid kernel module ${JSON.stringify(module)}`);
    await host.exec(['modprobe', '-b', module]).catch((error: unknown) => {
      throw new LxdError('internal', `Failed to load kernel module '${module}': ${(error as Error).message}`, { cause: error });
    });
  }
}

/** The volume's directory opens to the container's root only, as the reference leaves it. */
async function prepareDirectories({ host, known: { layout } }: StartTools, { spec, idmap }: Starting): Promise<void> {
  const volume = await host.files.stat(spec.volume_path);
  if (!volume || !(await host.files.exists(`${spec.volume_path}/rootfs`))) throw new LxdError('internal', `The root volume of "${spec.name}" is not at ${spec.volume_path}`);
  const owner = idmap.find((range) => range.isUid)?.hostId ?? 0;
  if (volume.uid !== owner) await host.files.chown(spec.volume_path, owner, 0);
  if (volume.mode !== 0o100) await host.files.chmod(spec.volume_path, 0o100);
  await host.files.mkdir(layout.logs(spec), { mode: 0o755 });
  if (await host.files.exists(layout.lxcLog(spec))) await host.files.rename(layout.lxcLog(spec), `${layout.lxcLog(spec)}.old`);
  await host.files.mkdir(layout.seccompPolicies, { mode: 0o700 });
  await keepLink(host, spec.volume_path, layout.link(spec));
}

async function applyTemplates({ templates }: StartTools, start: Starting): Promise<void> {
  const key = instanceKeys.volatileApplyTemplate.name;
  const trigger = start.spec.config[key];
  await templates.apply(start.spec, trigger ? [trigger, 'start'] : ['start'], start.idmapped ? [] : start.idmap);
  if (trigger) start.volatile[key] = '';
}

async function startDevices({ devices }: StartTools, start: Starting): Promise<void> {
  start.devices = await devices.start(start.spec, start.idmap);
  Object.assign(start.volatile, start.devices.volatile);
}

async function writeConfiguration({ host, known: { layout }, devlxd, facts }: StartTools, { spec, idmap, idmapped, limits, interception, devices }: Starting): Promise<void> {
  const text = lxcConfig({
    hostname: spec.name,
    architecture: spec.architecture,
    config: spec.config,
    idmap,
    idmapped,
    rootfs: `${spec.volume_path}/rootfs`,
    logDirectory: layout.logs(spec),
    seccompPolicy: layout.seccompPolicy(spec),
    interception,
    cgroup: instanceCgroup(spec.id),
    limits,
    devices: [...(hasDevlxd(spec.config) ? [mountEntry({ source: devlxd.directory(spec.id), target: guestDirectory, options: ['bind', 'ro', 'create=dir'] })] : []), ...devices.lxc],
    nics: devices.nics,
    includes: facts.includes,
    apparmor: facts.apparmor,
  });
  await host.files.writePlain(layout.seccompPolicy(spec), seccompPolicy(spec.config, spec.architecture), { mode: 0o600 });
  await host.files.writePlain(layout.lxcConfig(spec), text, { mode: 0o640 });
}

/** A failed launch leaves no control group behind. */
async function launch(tools: StartTools, start: Starting): Promise<void> {
  try {
    await runMonitor(tools, start);
  } catch (error) {
    await tools.host.cgroups.remove(`/${instanceCgroup(start.spec.id)}`).catch(() => undefined);
    throw error;
  }
}

async function runMonitor({ host, known: { layout }, facts }: StartTools, start: Starting): Promise<void> {
  const name = hostName(start.spec);
  const pidFile = `${layout.logs(start.spec)}/monitor.pid`;
  await host.files.remove(pidFile);
  const env = writesMapsItself(facts, start) ? { PATH: undefined } : undefined;
  await host.exec(['lxc-start', '-P', layout.containers, '-n', name, '-f', layout.lxcConfig(start.spec), '-p', pidFile, '-d'], { timeoutMs: 60_000, sealed: true, env }).catch(async (error: unknown) => {
    throw new LxdError('internal', await whyNot(host, layout.lxcLog(start.spec), error), { cause: error });
  });
  const monitor = host.processes.handle(Number(await host.files.readText(pidFile)));
  const socket = monitor && (await CommandSocket.open(layout.containers, name).catch(() => undefined));
  const pid = socket && (await firstPid(host, socket, monitor));
  if (pid === undefined) throw new LxdError('internal', 'The container ended as soon as it was started');
  start.socket = socket!;
  start.handle = { monitor: monitor!, pid, idmap: start.idmap, ...(start.cpus === undefined ? {} : { cpus: start.cpus }), started: start.spec };
}

/**
 * Without a PATH, LXC does not find newuidmap and newgidmap and writes the maps itself, which saves four programs. Those only ask whether /etc/subuid
 * gives root these ids. For AppArmor it needs a PATH to find the parser of profiles.
 */
function writesMapsItself({ idRange, apparmor }: ContainerHost, { spec, idmap }: Starting): boolean {
  return isWithin(idmap, idRange) && !apparmor && !spec.config[instanceKeys.rawLxc.name];
}

/** The monitor may answer before it knows the first process. */
async function firstPid(host: Host, socket: CommandSocket, monitor: ProcessHandle): Promise<number | undefined> {
  for (let tries = 0; tries < 100 && host.processes.isAlive(monitor); tries++) {
    const pid = await socket.initPid().catch(() => undefined);
    if (pid !== undefined) return pid;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return undefined;
}

async function killMonitor({ host }: StartTools, start: Starting): Promise<void> {
  start.socket?.end();
  if (!start.handle) return;
  const init = host.processes.handle(start.handle.pid);
  if (init) host.processes.signal(init, 'SIGKILL');
}

/** LXC's own last error lines say more than the exit of its tool. */
async function whyNot(host: Host, path: string, error: unknown): Promise<string> {
  const log = await host.files.readText(path).catch(() => '');
  const reasons = log
    .split('\n')
    .filter((line) => / ERROR /.test(line))
    .slice(-3)
    .map((line) => line.replace(/^.* - /, '').trim());
  return reasons.length > 0 ? `Failed to start the container: ${reasons.join('; ')}` : (error as Error).message;
}
