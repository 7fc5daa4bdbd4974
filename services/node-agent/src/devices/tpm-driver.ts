import { join } from 'node:path';
import { tpmKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Host } from '../host/host.js';
import { hostName } from '../instances/instance-layout.js';
import { Sysfs } from '../resources/sysfs.js';
import { deviceNumberOf } from './bus-nodes.js';
import type { DeviceDriver, DeviceStart, DeviceVolatile, IdRange, InstanceDevice, RunningInstance } from './device.js';
import { guestPath, nodeOwnership, type DeviceNodes, type GuestNode } from './device-nodes.js';

const swtpm = '/usr/bin/swtpm';
const saysDeviceWithinMs = 5_000;
const triedWithinMs = 30_000;
const emulated = /New TPM device: \/dev\/tpm(\d+) \(major\/minor = (\d+)\/(\d+)\)/;

/** Devices of type "tpm": an emulated one for each, by swtpm, which keeps its state in the instance's volume and outlives the agent. */
export class TpmDriver implements DeviceDriver {
  readonly #sysfs: Sysfs;

  constructor(
    private readonly host: Host,
    private readonly stateDir: string,
    private readonly nodes: DeviceNodes,
  ) {
    this.#sysfs = new Sysfs(host.files);
  }

  async start(device: InstanceDevice, idmap: readonly IdRange[]): Promise<DeviceStart> {
    return this.nodes.start(device, await this.#emulate(device), idmap);
  }

  async stop(device: InstanceDevice): Promise<DeviceVolatile> {
    const { pidFile } = this.#places(device);
    const pid = Number(await this.host.files.readText(pidFile).catch(() => ''));
    const handle = pid > 0 ? this.host.processes.handle(pid) : undefined;
    if (handle) await this.host.processes.stop(handle);
    await this.host.files.remove(pidFile);
    await this.nodes.stop(device);
    return {};
  }

  async plug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    await this.nodes.plug(device, await this.#emulate(device), running);
    return {};
  }

  async unplug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    await this.nodes.unplug(device, running);
    return this.stop(device);
  }

  async #emulate(device: InstanceDevice): Promise<GuestNode[]> {
    if (!(await this.host.files.exists(swtpm))) throw new LxdError('internal', "Failed to validate environment: Required tool 'swtpm' is missing");
    await this.host.exec(['modprobe', '-b', 'tpm_vtpm_proxy']);
    const { state, log, pidFile } = this.#places(device);
    await this.host.files.mkdir(state, { mode: 0o700 });
    await this.host.files.mkdir(join(this.stateDir, 'devices'), { mode: 0o711 });
    await this.host.files.remove(log);
    const handle = await this.host.processes.start([swtpm, 'chardev', '--tpm2', '--tpmstate', `dir=${state}`, '--vtpm-proxy'], { logFile: log, cgroup: '/asterism/tpm' });
    await this.host.files.write(pidFile, String(handle.pid));
    const { options } = device.spec;
    const [number, major, minor] = await this.#said(log);
    const nodes: GuestNode[] = [{ kind: 'char', major, minor, path: guestPath(options[tpmKeys.path.name] ?? ''), ...nodeOwnership({}) }];
    const managed = await this.#managed(number);
    return managed ? [...nodes, { kind: 'char', ...managed, path: guestPath(options[tpmKeys.pathrm.name] ?? ''), ...nodeOwnership({}) }] : nodes;
  }

  /** The one with a resource manager comes when the kernel has tried the other; older kernels make none. */
  async #managed(number: number): Promise<{ major: number; minor: number } | undefined> {
    if (!(await this.host.files.exists('/sys/class/tpmrm'))) return undefined;
    for (const deadline = performance.now() + triedWithinMs; performance.now() < deadline; ) {
      const managed = await deviceNumberOf(this.#sysfs, `/sys/class/tpmrm/tpmrm${number}`);
      if (managed) return managed;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new LxdError('internal', 'The emulated TPM did not start');
  }

  /** What the emulator says of the device it made. */
  async #said(log: string): Promise<[number: number, major: number, minor: number]> {
    for (const deadline = performance.now() + saysDeviceWithinMs; performance.now() < deadline; ) {
      const found = emulated.exec(await this.host.files.readText(log).catch(() => ''));
      if (found) return [Number(found[1]), Number(found[2]), Number(found[3])];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new LxdError('internal', 'The emulated TPM did not start');
  }

  #places({ instance, name }: InstanceDevice): { state: string; log: string; pidFile: string } {
    const file = join(this.stateDir, 'devices', `tpm.${hostName(instance)}.${encodeURIComponent(name)}`);
    return { state: join(instance.volume_path, `tpm.${encodeURIComponent(name)}`), log: `${file}.log`, pidFile: `${file}.pid` };
  }
}
