import { isDeepStrictEqual } from 'node:util';
import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';
import type { Host } from '../../host/host.js';
import { guestEvents } from '../../devlxd/guest-events.js';
import { hostName, instanceCgroup } from '../instance-layout.js';
import type { OwnersProgress } from '../../host/owners/owners.js';
import type { InstanceRecord, RunningHandle } from '../known-instances.js';
import { runSteps } from '../steps.js';
import { updateProfile } from './apparmor-profile.js';
import { cgroupLimits, withoutLimit, type CgroupValue } from './cgroup-limits.js';
import { CommandSocket } from './command-socket.js';
import { balanced, cpusOfOthers, pickCpus } from './cpu-set.js';
import { diskLimits, withoutThrottle } from './disk-limits.js';
import { idmapBase, idmapJson } from './idmap.js';
import { intercepts } from './interception-policy.js';
import { setNetworkPriority } from './network-priority.js';
import { endOrphan, idmapFor, limitFacts, loadModules, starting, startSteps, type StartTools } from './start-container.js';

type InstanceSpec = agentInstances.InstanceSpec;

/** What a container did without being told to. */
export type Happened = (id: string, what: 'stopped' | 'rebooted' | 'error', message?: string) => void;

interface Watched {
  socket: CommandSocket;
  /** Settles when the container is gone and cleared away, with the volatile keys that changed. */
  gone: Promise<Record<string, string>>;
  /** Set once somebody asked for the end, which is no news then. */
  expected: boolean;
}

const REBOOT_GRACE_MS = 30_000;
const SIGRTMIN_PLUS_3 = 37;

/** Containers run by LXC: their life between start and end. Each has a monitor process of LXC's, so none needs the agent to run. */
export class Containers {
  private readonly watched = new Map<string, Watched>();

  constructor(
    private readonly tools: StartTools,
    private readonly happened: Happened,
    /** Told before anything else that a container ended or reboots. */
    private readonly ending: (id: string) => void,
  ) {}

  /** The id map of a new container, as its volatile keys carry it until it starts. */
  async plannedIdmap(spec: InstanceSpec): Promise<Record<string, string>> {
    return { ...this.nextIdmap(spec), [instanceKeys.volatileLastStateIdmap.name]: idmapJson(await this.tools.owners.onDisk(spec.volume_path)) };
  }

  /** What changed settings of ids come to at the next start; nothing where they did not change. */
  changedIdmap(before: InstanceSpec | undefined, wish: InstanceSpec): Record<string, string> {
    const { securityPrivileged, securityIdmapIsolated, securityIdmapBase, securityIdmapSize, rawIdmap } = instanceKeys;
    const keys = [securityPrivileged, securityIdmapIsolated, securityIdmapBase, securityIdmapSize, rawIdmap];
    return before && keys.some(({ name }) => before.config[name] !== wish.config[name]) ? this.nextIdmap(wish) : {};
  }

  private nextIdmap(spec: InstanceSpec): Record<string, string> {
    const idmap = idmapFor(this.tools, spec, { anew: true });
    return { [instanceKeys.volatileIdmapBase.name]: idmapBase(spec.config, idmap), [instanceKeys.volatileIdmapNext.name]: idmapJson(idmap) };
  }

  /** Takes over how the files of a volume lie that came from elsewhere. */
  async adoptOwners(spec: InstanceSpec): Promise<void> {
    await this.tools.owners.adopt(spec.volume_path, spec.config[instanceKeys.volatileLastStateIdmap.name] ?? '');
  }

  /** Brings the owners of a stopped container's files to what its next start needs; the volatile keys that changed. */
  async mapOwners(spec: InstanceSpec, progress: OwnersProgress): Promise<Record<string, string>> {
    await endOrphan(this.tools, spec);
    const idmap = idmapFor(this.tools, spec, { anew: false });
    const { change } = await this.tools.owners.wanted(spec, idmap);
    if (change) await this.tools.owners.change(spec.volume_path, change, progress);
    return {
      [instanceKeys.volatileIdmapBase.name]: idmapBase(spec.config, idmap),
      [instanceKeys.volatileIdmapNext.name]: idmapJson(idmap),
      [instanceKeys.volatileLastStateIdmap.name]: idmapJson(await this.tools.owners.onDisk(spec.volume_path)),
    };
  }

  /** Finds the containers again that ran when an agent ended; what ended meanwhile is cleared away and told. */
  async reattach(): Promise<void> {
    await this.tools.interception.resume();
    for (const { spec, running } of this.tools.known.all()) {
      if (!running) {
        await endOrphan(this.tools, spec);
        continue;
      }
      const socket = this.tools.host.processes.isAlive(running.monitor) ? await CommandSocket.open(this.tools.known.layout.containers, hostName(spec)).catch(() => undefined) : undefined;
      if (socket) {
        const pid = await socket.initPid().catch(() => undefined);
        if (pid !== undefined && pid !== running.pid) await this.tools.known.save({ spec, running: { ...running, pid } });
        this.watch(spec.id, socket);
        await this.attend({ spec, running: { ...running, pid: pid ?? running.pid } });
        await this.tools.devlxd.open(spec, running.idmap).catch((error: unknown) => process.stderr.write(`devlxd of ${hostName(spec)} is not available: ${String(error)}\n`));
      } else {
        await this.clear(spec.id);
        this.happened(spec.id, 'stopped');
      }
    }
  }

  /** The volatile keys that changed; nothing happens to one that runs, which tells them again, nor to one whose files have to change owners first. */
  async start(spec: InstanceSpec): Promise<agentInstances.StartedInstance> {
    if (this.watched.has(spec.id)) return { config: this.tools.known.find(spec.id)?.running?.volatile ?? {}, owners_owed: false };
    const idmap = idmapFor(this.tools, spec, { anew: false });
    const { idmapped, change } = await this.tools.owners.wanted(spec, idmap);
    if (change) return { config: {}, owners_owed: true };
    const start = starting(spec, idmap, idmapped);
    await runSteps(startSteps(this.tools), start);
    this.watch(spec.id, start.socket!);
    return { config: start.volatile, owners_owed: false };
  }

  /** @param timeoutMs of a clean stop; negative waits without end */
  async stop(id: string, how: { force: boolean; timeoutMs: number }): Promise<Record<string, string>> {
    const watched = this.watched.get(id);
    const running = this.tools.known.get(id).running;
    if (!watched || !running) return {};
    watched.expected = true;
    await this.signalEnd(id, running, how.force);
    const cut = how.force ? this.tools.devices.cut(running.started) : undefined;
    const timeoutMs = how.force ? 30_000 : how.timeoutMs;
    const done = await Promise.race([watched.gone, ...(timeoutMs < 0 ? [] : [after(timeoutMs)])]);
    await cut;
    if (done) return done;
    watched.expected = false;
    throw new LxdError('internal', 'Failed shutting down instance, status is "Running": context deadline exceeded');
  }

  async freeze(id: string): Promise<void> {
    await setFrozen(this.tools.host, this.tools.known.running(id).spec.id, true);
  }

  async unfreeze(id: string): Promise<void> {
    await setFrozen(this.tools.host, this.tools.known.running(id).spec.id, false);
  }

  /** Brings limits and devices of a running container to the wish and keeps it. Asked for the same again, it tells the volatile keys again. */
  async update(before: InstanceSpec, wish: InstanceSpec, running: RunningHandle): Promise<Record<string, string>> {
    await updateProfile(this.tools.host, this.tools.known.layout, before, wish);
    await this.updateLimits(before, wish);
    if (before.config[instanceKeys.limitsNetworkPriority.name] !== wish.config[instanceKeys.limitsNetworkPriority.name]) await setNetworkPriority(this.tools.host, wish);
    await this.updateModules(before, wish);
    const cpus = await this.updateCpus(before, wish, running);
    const events = guestEvents(before, wish);
    const changes = await this.tools.devices.change(before, wish, { pid: running.pid, idmap: running.idmap });
    await this.tools.devlxd.change(before, wish, running);
    const { monitor, pid, idmap } = this.tools.known.find(wish.id)?.running ?? running;
    const changed = running.changed || !isDeepStrictEqual(optionsOf(before), optionsOf(wish)) ? { changed: true } : {};
    const volatile = { ...running.volatile, ...changes };
    await this.tools.known.save({ spec: wish, running: { monitor, pid, idmap, started: wish, volatile, ...changed, ...(cpus === undefined ? {} : { cpus }) } });
    if (intercepts(wish.config)) await this.tools.interception.write(wish, idmap);
    this.tools.followed.follow(wish.id, this.tools.devices.follows(wish));
    this.tools.devlxd.tell(wish.id, events);
    if (before.config[instanceKeys.limitsCpu.name] !== wish.config[instanceKeys.limitsCpu.name]) await this.rebalance();
    return { ...(isDeepStrictEqual(before, wish) ? volatile : changes), ...this.changedIdmap(before, wish) };
  }

  /** Something that devices follow came or went on the host. */
  async refreshDevices(id: string): Promise<void> {
    const record = this.tools.known.find(id);
    if (record?.running) await this.tools.devices.refresh(record.spec, record.running);
  }

  /** One that ended without anybody having heard of it is cleared away and told. */
  async noteEnd(id: string): Promise<void> {
    const running = this.tools.known.find(id)?.running;
    if (!running || this.watched.has(id) || this.tools.host.processes.isAlive(running.monitor)) return;
    await this.clear(id);
    this.happened(id, 'stopped');
  }

  /** Gives the links of running containers back to a network whose bridge was made again. */
  async reconnect(network: string): Promise<void> {
    for (const { spec, running } of this.tools.known.all()) {
      if (running && Object.values(spec.devices).some((device) => device.network?.name === network)) {
        await this.tools.turns.take(spec.id, () => this.tools.devices.reconnect(spec, running, network)).catch((error: unknown) => process.stderr.write(`nics of ${hostName(spec)}: ${String(error)}\n`));
      }
    }
  }

  /** Lets go of all containers, which run on. */
  close(): void {
    this.tools.devlxd.end();
    this.tools.followed.stop();
    for (const { socket } of this.watched.values()) socket.end();
    this.watched.clear();
  }

  private async updateLimits(before: InstanceSpec, wish: InstanceSpec): Promise<void> {
    const { host, facts } = this.tools;
    const old = new Map(cgroupLimits(before.config, limitFacts(facts, undefined)));
    const next = new Map(cgroupLimits(wish.config, limitFacts(facts, undefined)));
    const [oldDisks, nextDisks] = [await diskLimits(host, before, facts.cgroups), await diskLimits(host, wish, facts.cgroups)];
    const changed = [...next].filter(([file, value]) => old.get(file) !== value);
    const dropped = [...old.keys()].filter((file) => !next.has(file)).map(withoutLimit);
    const throttles = isDeepStrictEqual(oldDisks, nextDisks) ? [] : [...oldDisks.map(withoutThrottle), ...nextDisks];
    const group = `/${instanceCgroup(wish.id)}/payload`;
    try {
      await writeLimits(host, group, [...dropped, ...changed, ...throttles]);
    } catch (error) {
      const back = [...dropped, ...changed].map(([file]) => (old.has(file) ? ([file, old.get(file)!] as const) : withoutLimit(file)));
      await writeLimits(host, group, back).catch(() => undefined);
      throw error;
    }
  }

  private async updateCpus(before: InstanceSpec, wish: InstanceSpec, running: RunningHandle): Promise<string | undefined> {
    const key = instanceKeys.limitsCpu.name;
    if (before.config[key] === wish.config[key]) return running.cpus;
    const { host, facts, known } = this.tools;
    const cpus = pickCpus(wish.config[key], facts.cpus, cpusOfOthers(known, wish.id));
    await host.cgroups.write(`/${instanceCgroup(wish.id)}/payload`, 'cpuset.cpus', cpus ?? facts.cpus.join(','));
    return cpus;
  }

  private async updateModules(before: InstanceSpec, wish: InstanceSpec): Promise<void> {
    const key = instanceKeys.linuxKernelModules.name;
    if (before.config[key] !== wish.config[key]) await loadModules(this.tools.host, wish.config[key] ?? '');
  }

  /** Spreads those with a number of CPUs over the host again, after one of them came, went or changed. */
  private async rebalance(): Promise<void> {
    const { host, facts, known } = this.tools;
    const running = known.all().filter((record) => record.running?.cpus !== undefined);
    const isCounted = ({ spec }: InstanceRecord): boolean => /^\d+$/.test(spec.config[instanceKeys.limitsCpu.name] ?? '');
    const counted = running.filter(isCounted).map(({ spec, running: handle }) => ({ id: spec.id, limit: spec.config[instanceKeys.limitsCpu.name]!, cpus: handle!.cpus }));
    const pinned = running.filter((record) => !isCounted(record)).map((record) => record.running!.cpus!);
    for (const [id, cpus] of balanced(counted, facts.cpus, pinned)) {
      const record = known.find(id);
      if (!record?.running || cpus === undefined) continue;
      await host.cgroups.write(`/${instanceCgroup(id)}/payload`, 'cpuset.cpus', cpus).catch(unlessMissing);
      await known.save({ ...record, running: { ...record.running, cpus } });
    }
  }

  private async signalEnd(id: string, running: RunningHandle, force: boolean): Promise<void> {
    const { processes } = this.tools.host;
    const init = processes.handle(running.pid);
    if (init) processes.signal(init, force ? 'SIGKILL' : processes.blocks(running.pid, SIGRTMIN_PLUS_3) ? SIGRTMIN_PLUS_3 : 'SIGPWR');
    // A frozen process does not even die; one that died meanwhile has no group any more.
    if (await isFrozen(this.tools.host, id)) await setFrozen(this.tools.host, id, false).catch(unlessMissing);
  }

  private watch(id: string, socket: CommandSocket): void {
    const watched: Watched = { socket, expected: false, gone: socket.closed.then(() => this.ended(id)) };
    watched.gone.catch((error: unknown) => this.happened(id, 'error', (error as Error).message));
    this.watched.set(id, watched);
    this.tools.followed.follow(id, this.tools.devices.follows(this.tools.known.get(id).spec));
  }

  /** The monitor closed its socket: the container is gone, or on its way through a reboot. */
  private async ended(id: string): Promise<Record<string, string>> {
    this.ending(id);
    const watched = this.watched.get(id);
    if (!watched) return {}; // the agent let go of it
    const running = this.tools.known.find(id)?.running;
    if (running) {
      const again = await this.waitForMonitor(id, running);
      if (running.changed && !watched.expected && (again || (await this.wasRebooting(id)))) return this.startAgain(id, watched, again);
      if (again) {
        watched.socket = again;
        if (!watched.expected) this.happened(id, 'rebooted');
        return again.closed.then(() => this.ended(id));
      }
    }
    this.watched.delete(id);
    const changes = await this.clear(id);
    if (!watched.expected) this.happened(id, 'stopped');
    return changes;
  }

  /** Whether LXC gave up while it started the container again: a shutdown does not come that far. */
  private async wasRebooting(id: string): Promise<boolean> {
    const { host, known } = this.tools;
    const log = await host.files.readText(known.layout.lxcLog(known.get(id).spec)).catch(() => '');
    return log.includes('Failed to spawn container');
  }

  /** A reboot from inside after devices came and went: LXC would start the container with those it had first, so it is started anew with those it has now. */
  private async startAgain(id: string, watched: Watched, again: CommandSocket | undefined): Promise<Record<string, string>> {
    const running = this.tools.known.find(id)?.running;
    if (again && running) {
      await this.signalEnd(id, running, true);
      await again.closed;
      await Promise.race([this.waitForMonitor(id, running), after(REBOOT_GRACE_MS)]);
    }
    return this.tools.turns.take(id, async () => {
      this.watched.delete(id);
      const { spec } = this.tools.known.get(id);
      const changes = await this.clear(id);
      if (watched.expected) return changes;
      await this.start(spec);
      this.happened(id, 'rebooted');
      return changes;
    });
  }

  /** Until the monitor ends (undefined) or listens again with a new first process. */
  private async waitForMonitor(id: string, running: RunningHandle): Promise<CommandSocket | undefined> {
    const { host, known } = this.tools;
    const deadline = performance.now() + REBOOT_GRACE_MS;
    for (let pauseMs = 1; host.processes.isAlive(running.monitor) && performance.now() < deadline; pauseMs = Math.min(pauseMs * 2, 50)) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const { spec } = known.get(id);
      const socket = await CommandSocket.open(known.layout.containers, hostName(spec)).catch(() => undefined);
      const pid = await socket?.initPid().catch(() => undefined);
      if (socket && pid !== undefined && host.processes.handle(pid)) {
        await known.save({ spec, running: { ...running, pid } });
        await this.attend({ spec, running: { ...running, pid } });
        return socket;
      }
      socket?.end();
    }
    return undefined;
  }

  /** A device that cannot go on is no reason to end what runs. */
  private async attend({ spec, running }: { spec: InstanceSpec; running: RunningHandle }): Promise<void> {
    await this.tools.devices.attend(spec, running).catch((error: unknown) => process.stderr.write(`devices of ${hostName(spec)}: ${String(error)}\n`));
  }

  /** Takes away what a container that ended leaves on the host. */
  private async clear(id: string): Promise<Record<string, string>> {
    const { host, known, devices, devlxd, followed, interception } = this.tools;
    const record = known.find(id);
    if (!record?.running) return {};
    followed.follow(id, []);
    await endWithoutMonitor(host, id, record.running);
    await devlxd.close(id).catch(() => undefined);
    if (intercepts(record.running.started.config)) await interception.forget(id);
    const changes = await devices.stop(record.running.started).finally(async () => {
      await host.cgroups.remove(`/${instanceCgroup(id)}`).catch(() => undefined);
      await known.save({ spec: record.spec });
      if (record.running?.cpus !== undefined) await this.rebalance();
    });
    return { ...changes, [instanceKeys.volatileLastStatePower.name]: 'STOPPED' };
  }
}

/** A container whose monitor was killed goes on without anybody who would tell of its end: it is ended. */
async function endWithoutMonitor(host: Host, id: string, { monitor, pid }: RunningHandle): Promise<void> {
  const init = host.processes.isAlive(monitor) ? undefined : host.processes.handle(pid);
  // The number may be another's by now: only who is in the container's group is meant.
  if (init && (await host.files.readText(`/proc/${pid}/cgroup`).catch(() => '')).includes(instanceCgroup(id))) host.processes.signal(init, 'SIGKILL');
}

/** A memory limit may be refused in one order and taken in the other (memory+swap is never below memory): refused ones are tried again. */
async function writeLimits(host: Host, group: string, values: readonly CgroupValue[]): Promise<void> {
  const refused: CgroupValue[] = [];
  for (const [file, value] of values) await host.cgroups.write(group, file, value).catch(() => refused.push([file, value]));
  for (const [file, value] of refused.reverse()) await host.cgroups.write(group, file, value).catch((error: unknown) => {
    throw new LxdError('internal', `Failed to set ${file}: ${(error as Error).message}`, { cause: error });
  });
}

function optionsOf({ devices }: InstanceSpec): Record<string, string>[] {
  return Object.keys(devices).sort().map((name) => devices[name]!.options);
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}

function unlessMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ENODEV') throw error;
}

/** Also one on its way there. */
export async function isFrozen(host: Host, id: string): Promise<boolean> {
  const group = `/${instanceCgroup(id)}/payload`;
  const { trees } = await host.cgroups.layout();
  const state = await host.cgroups.read(group, trees['freezer'] ? 'freezer.state' : 'cgroup.freeze');
  return state !== undefined && !['THAWED', '0'].includes(state.trim());
}

const FREEZE_WITHIN_MS = 10_000;

async function setFrozen(host: Host, id: string, frozen: boolean): Promise<void> {
  const group = `/${instanceCgroup(id)}/payload`;
  const { trees } = await host.cgroups.layout();
  if (!trees['freezer']) return host.cgroups.write(group, 'cgroup.freeze', frozen ? '1' : '0');
  const wish = frozen ? 'FROZEN' : 'THAWED';
  for (const deadline = performance.now() + FREEZE_WITHIN_MS; performance.now() < deadline; ) {
    // The old freezer may be caught half-way by a process that forks: it is told again.
    await host.cgroups.write(group, 'freezer.state', wish);
    const state = (await host.cgroups.read(group, 'freezer.state'))?.trim();
    if (state === wish || state === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new LxdError('timeout', `The instance does not become ${wish.toLowerCase()}`);
}
