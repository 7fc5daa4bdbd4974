import type { agentHost, common } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import type { Host } from '../host/host.js';
import { cpuResources } from './cpu.js';
import { storageResources } from './disks.js';
import { hostAddresses, hostFacts } from './environment.js';
import { memoryResources } from './memory.js';
import { networkResources } from './network-cards.js';
import { gpuResources, pciResources } from './pci-devices.js';
import { systemResources } from './system.js';
import { Sysfs } from './sysfs.js';
import { usbResources } from './usb-devices.js';

/** The service AgentHost: what the member is made of. */
export class HostHandler implements Service<typeof agentHost.AgentHostDefinition> {
  readonly #sysfs: Sysfs;
  #facts: Promise<Record<string, unknown>> | undefined;

  constructor(private readonly host: Host) {
    this.#sysfs = new Sysfs(host.files);
  }

  async resources(_call: CallContext, _request: common.Empty): Promise<common.Document> {
    const sysfs = this.#sysfs;
    const [cpu, memory, gpu, network, storage, usb, pci, system] = await Promise.all([
      cpuResources(sysfs),
      memoryResources(sysfs),
      gpuResources(sysfs),
      networkResources(sysfs),
      storageResources(sysfs),
      usbResources(sysfs),
      pciResources(sysfs),
      systemResources(sysfs),
    ]);
    return rendered({ cpu, memory, gpu, network, storage, usb, pci, system });
  }

  async environment(_call: CallContext, _request: common.Empty): Promise<common.Document> {
    this.#facts ??= hostFacts(this.host);
    return rendered({ addresses: hostAddresses(), ...(await this.#facts) });
  }

  async missingPaths(_call: CallContext, request: agentHost.HostPaths): Promise<agentHost.HostPaths> {
    const present = await Promise.all(request.paths.map((path) => this.host.files.exists(path)));
    return { paths: request.paths.filter((_path, index) => !present[index]) };
  }
}

function rendered(value: object): common.Document {
  return { json: Buffer.from(JSON.stringify(value)), etag: '' };
}
