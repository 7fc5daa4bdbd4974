import { LxdError } from '@asterism/errors';
import type { agentInstances } from '@asterism/proto';

export interface SimulatedInstance {
  project: string;
  name: string;
  status: 'Running' | 'Stopped' | 'Frozen';
  pid: number;
}

const codes = { Stopped: 102, Running: 103, Frozen: 110 } as const;

/** What a host would have: instances, pools with volumes, networks. All calls on it repeat safely, as an agent's do. */
export class SimulatedHost {
  readonly instances = new Map<string, SimulatedInstance>();
  /** Volumes as "type/name" with their snapshots, by pool. */
  readonly pools = new Map<string, Map<string, Set<string>>>();
  readonly networks = new Set<string>();
  #nextPid = 1000;

  /** Throws what an agent throws that does not know it. */
  require(id: string): SimulatedInstance {
    const instance = this.instances.get(id);
    if (!instance) throw new LxdError('not-found', 'Instance not found');
    return instance;
  }

  keep(id: string, { project, name }: { project: string; name: string }, running = false): SimulatedInstance {
    const instance = this.instances.get(id) ?? { project, name, status: 'Stopped', pid: 0 };
    this.instances.set(id, Object.assign(instance, { project, name }));
    if (running) this.turn(instance, 'Running');
    return instance;
  }

  turn(instance: SimulatedInstance, status: SimulatedInstance['status']): void {
    if (status === 'Stopped') instance.pid = 0;
    else if (instance.pid === 0) instance.pid = this.#nextPid++;
    instance.status = status;
  }

  volumes(pool: string): Map<string, Set<string>> {
    let volumes = this.pools.get(pool);
    if (!volumes) this.pools.set(pool, (volumes = new Map()));
    return volumes;
  }

  snapshots(pool: string, type: string, name: string): Set<string> {
    const volumes = this.volumes(pool);
    let snapshots = volumes.get(`${type}/${name}`);
    if (!snapshots) volumes.set(`${type}/${name}`, (snapshots = new Set()));
    return snapshots;
  }
}

/** @param full with LXD's InstanceState, as long as that of a busybox container on one bridge. */
export function stateOf(instance: SimulatedInstance, full: boolean): agentInstances.InstanceState {
  const { project, name, status, pid } = instance;
  return { project, name, status, status_code: codes[status], pid, json: full && status !== 'Stopped' ? fullState(instance) : Buffer.alloc(0) };
}

function fullState({ status, pid }: SimulatedInstance): Buffer {
  const [low, high] = [pid % 250, Math.floor(pid / 250) % 250];
  const nic = (address: string, netmask: string, scope: string, family: string): object => ({ family, address, netmask, scope });
  const counters = { bytes_received: pid * 31, bytes_sent: pid * 17, packets_received: pid, packets_sent: pid, errors_received: 0, errors_sent: 0, packets_dropped_outbound: 0, packets_dropped_inbound: 0 };
  const network = {
    eth0: { addresses: [nic(`10.1.${high}.${low}`, '24', 'global', 'inet'), nic(`fe80::216:3eff:fe${high}:${low}`, '64', 'link', 'inet6')], counters, hwaddr: '00:16:3e:00:00:01', host_name: `veth${pid}`, mtu: 1500, state: 'up', type: 'broadcast' },
    lo: { addresses: [nic('127.0.0.1', '8', 'local', 'inet'), nic('::1', '128', 'local', 'inet6')], counters, hwaddr: '', host_name: '', mtu: 65536, state: 'up', type: 'loopback' },
  };
  const memory = { usage: 1_200_000 + pid, usage_peak: 2_400_000, swap_usage: 0, swap_usage_peak: 0 };
  return Buffer.from(JSON.stringify({ status, status_code: codes[status], disk: { root: { usage: 1_100_000 } }, memory, network, pid, processes: 2, cpu: { usage: pid * 1_000_000 } }));
}
