import { join } from 'node:path';
import { isTrue, parseProxyAddress, proxyKeys, type ProxyAddress } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Place, Proxy } from '../host/forwarder/proxy.js';
import type { Host } from '../host/host.js';
import { hostId, type DeviceDriver, type DeviceStart, type DeviceVolatile, type IdRange, type InstanceDevice, type RunningInstance } from './device.js';
import { natTarget, proxyNatScript, withoutProxyNat } from './proxy-nat.js';

/** Devices of type "proxy": ports and sockets of one side forwarded to the other, by a process or, with nat=true, by the kernel. */
export class ProxyDriver implements DeviceDriver {
  readonly #directory: string;
  /** What this agent knows to be open. */
  readonly #forwarded = new Map<string, Proxy>();

  constructor(
    private readonly host: Host,
    stateDir: string,
  ) {
    this.#directory = join(stateDir, 'devices');
    host.forwarders.onLost(this.#directory, () => void this.#openAgain());
  }

  /** Nothing can be forwarded before there is a network inside. */
  async start(device: InstanceDevice): Promise<DeviceStart> {
    if (isNat(device)) natTarget(device);
    return {};
  }

  async attend(device: InstanceDevice, running: RunningInstance): Promise<void> {
    await this.#open(device, running);
  }

  async plug(device: InstanceDevice, running: RunningInstance): Promise<DeviceVolatile> {
    await this.#open(device, running);
    return {};
  }

  async unplug(device: InstanceDevice): Promise<DeviceVolatile> {
    return this.stop(device);
  }

  async stop(device: InstanceDevice): Promise<DeviceVolatile> {
    if (isNat(device)) await this.host.exec(['nft', '-f', '-'], { input: withoutProxyNat(keyOf(device)) });
    else {
      this.#forwarded.delete(keyOf(device));
      await this.host.forwarders.close(this.#directory, keyOf(device));
    }
    return {};
  }

  async #open(device: InstanceDevice, running: RunningInstance): Promise<void> {
    const { listen, connect } = sidesOf(device);
    if (isNat(device)) {
      await this.host.exec(['nft', '-f', '-'], { input: proxyNatScript(keyOf(device), { listen, connect: { ...connect, address: natTarget(device) } }) });
      return;
    }
    const startTime = this.host.processes.handle(running.pid)?.startTime;
    if (startTime === undefined) throw new LxdError('internal', 'The instance is not running');
    await this.host.files.mkdir(this.#directory, { mode: 0o711 });
    const proxy = proxyOf(device, { pid: running.pid, startTime }, running.idmap);
    await this.host.forwarders.open(this.#directory, proxy);
    this.#forwarded.set(proxy.key, proxy);
  }

  async #openAgain(): Promise<void> {
    for (const proxy of [...this.#forwarded.values()]) {
      await this.host.forwarders.open(this.#directory, proxy).catch((error: unknown) => process.stderr.write(`proxy ${proxy.key} could not be opened again: ${String(error)}\n`));
    }
  }
}

/** The proxy as its forwarder is told of it. */
export function proxyOf(device: InstanceDevice, instance: Place, idmap: readonly IdRange[]): Proxy {
  const { options } = device.spec;
  const { listen, connect } = sidesOf(device);
  const isInside = (options[proxyKeys.bind.name] || 'host') !== 'host';
  const number = (option: string): number => Number(options[option] || 0);
  const ids = (uid: number, gid: number, inside: boolean): { uid: number; gid: number } => (inside ? { uid: hostId(idmap, 'isUid', uid), gid: hostId(idmap, 'isGid', gid) } : { uid, gid });
  return {
    key: keyOf(device),
    listen: {
      at: isInside ? instance : 'host',
      address: listen,
      owner: { ...ids(number(proxyKeys.uid.name), number(proxyKeys.gid.name), isInside), mode: parseInt(options[proxyKeys.mode.name] || '0644', 8) },
    },
    connect: { at: isInside ? 'host' : instance, address: connect, as: ids(number(proxyKeys.securityUid.name), number(proxyKeys.securityGid.name), !isInside) },
    proxyHeader: isTrue(options[proxyKeys.proxyProtocol.name]),
  };
}

function sidesOf({ spec: { options } }: InstanceDevice): { listen: ProxyAddress; connect: ProxyAddress } {
  const side = (option: string): ProxyAddress => {
    const address = parseProxyAddress(options[option] ?? '');
    if (typeof address === 'string') throw new LxdError('bad-request', address);
    return address;
  };
  return { listen: side(proxyKeys.listen.name), connect: side(proxyKeys.connect.name) };
}

function isNat({ spec: { options } }: InstanceDevice): boolean {
  return isTrue(options[proxyKeys.nat.name]);
}

function keyOf({ instance, name }: InstanceDevice): string {
  return `${instance.id}/${name}`;
}
