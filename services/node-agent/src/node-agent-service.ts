import { EventBusToken, event, type EventBus } from '@asterism/events';
import { agentDefinitions, Token, type Images, type Operations } from '@asterism/proto';
import { RuntimeInfo, defineService } from '@asterism/service';
import { Logger, type Provider } from '@nestjs/common';
import { BackupsHandler } from './backups/backups.handler.js';
import { HotplugNodes, UsbNodes } from './devices/bus-nodes.js';
import type { DeviceDriver } from './devices/device.js';
import { DeviceDrivers } from './devices/device-drivers.js';
import { DiskDriver } from './devices/disk-driver.js';
import { DeviceNodes } from './devices/device-nodes.js';
import { GpuNodes } from './devices/gpu-nodes.js';
import { InfinibandDriver } from './devices/infiniband-driver.js';
import { NicDriver } from './devices/nic.js';
import { NodeDriver } from './devices/node-driver.js';
import { ProxyDriver } from './devices/proxy-driver.js';
import { TpmDriver } from './devices/tpm-driver.js';
import { UnixNodes } from './devices/unix-nodes.js';
import { guestImages } from './devlxd/guest-images.js';
import { FilesHandler } from './files/files.handler.js';
import { GuestFiles } from './host/guest-files.js';
import { linuxHost } from './host/linux-host.js';
import { giveBackMemoryAtRest } from './host/spare-memory.js';
import type { Host } from './host/host.js';
import { ImagesHandler } from './images/images.handler.js';
import { rootUsage } from './instances/state/root-usage.js';
import { InstancesHandler } from './instances/instances.handler.js';
import { openInstances, type AgentInstances } from './instances/open-instances.js';
import { NetworksHandler } from './networks/networks.handler.js';
import { Registration } from './registration.js';
import { HostHandler } from './resources/host.handler.js';
import { RaiseHostWarnings } from './resources/raise-host-warnings.js';
import { StorageHandler } from './storage/storage.handler.js';
import { Upkeep } from './upkeep/upkeep.js';

const HostToken = 'asterism.agent.Host';
const InstancesToken = 'asterism.agent.Instances';

/** A handler that needs the host and the state directory only. */
function onHost<T>(type: new (host: Host, stateDir: string) => T): Provider {
  return { provide: type, inject: [HostToken, RuntimeInfo], useFactory: (host: Host, { environment }: RuntimeInfo) => new type(host, environment.stateDir) };
}

function openAgentInstances(host: Host, guestFiles: GuestFiles, { environment }: RuntimeInfo, storage: StorageHandler, bus: EventBus, images: Images): Promise<AgentInstances> {
  const nodes = new DeviceNodes(host, environment.stateDir);
  return openInstances({
    host,
    stateDir: environment.stateDir,
    guestFiles,
    devices: new DeviceDrivers(
      new Map<string, DeviceDriver>([
        ['disk', new DiskDriver(host, environment.stateDir)],
        ['nic', new NicDriver(host, environment.stateDir)],
        ['proxy', new ProxyDriver(host, environment.stateDir)],
        ['unix-char', new NodeDriver(nodes, new UnixNodes(host, 'char'))],
        ['unix-block', new NodeDriver(nodes, new UnixNodes(host, 'block'))],
        ['unix-hotplug', new NodeDriver(nodes, new HotplugNodes(host))],
        ['usb', new NodeDriver(nodes, new UsbNodes(host))],
        ['infiniband', new InfinibandDriver(host, nodes)],
        ['tpm', new TpmDriver(host, environment.stateDir, nodes)],
        ['gpu', new NodeDriver(nodes, new GpuNodes(host))],
      ]),
    ),
    rootUsage: rootUsage(storage),
    devlxd: { member: () => environment.member, images: guestImages(images) },
    happened: (id, what, message) => void bus.publish(event('agent.instance', { member: environment.member, id, what, ...(message ? { message } : {}) })).catch(() => undefined),
  });
}

/** The agent of one host. */
export const nodeAgentService = defineService({
  name: 'node-agent',
  providers: [
    { provide: HostToken, useFactory: linuxHost },
    { provide: GuestFiles, useFactory: () => new GuestFiles() },
    {
      provide: StorageHandler,
      inject: [HostToken, RuntimeInfo, Token.Operations],
      useFactory: (host: Host, { environment }: RuntimeInfo, operations: Operations) => new StorageHandler(host, environment.stateDir, operations).holdUntilStart(),
    },
    onHost(NetworksHandler),
    {
      provide: ImagesHandler,
      inject: [HostToken, RuntimeInfo, Token.Operations],
      useFactory: (host: Host, { environment }: RuntimeInfo, operations: Operations) => new ImagesHandler(host, environment.stateDir, operations),
    },
    onHost(HostHandler),
    {
      provide: BackupsHandler,
      inject: [HostToken, RuntimeInfo, StorageHandler],
      useFactory: (host: Host, { environment }: RuntimeInfo, storage: StorageHandler) => new BackupsHandler(host, environment.stateDir, storage),
    },
    {
      provide: InstancesToken,
      inject: [HostToken, GuestFiles, RuntimeInfo, StorageHandler, EventBusToken, Token.Images],
      useFactory: openAgentInstances,
    },
    { provide: InstancesHandler, inject: [InstancesToken], useFactory: (instances: AgentInstances) => instances.handler },
    {
      provide: FilesHandler,
      inject: [HostToken, GuestFiles, InstancesToken],
      useFactory: (host: Host, guests: GuestFiles, { known }: AgentInstances) => new FilesHandler(host, guests, known),
    },
    Registration,
    RaiseHostWarnings,
    Upkeep,
  ],
  handlers: [
    [agentDefinitions.instances, InstancesHandler],
    [agentDefinitions.files, FilesHandler],
    [agentDefinitions.storage, StorageHandler],
    [agentDefinitions.networks, NetworksHandler],
    [agentDefinitions.images, ImagesHandler],
    [agentDefinitions.backups, BackupsHandler],
    [agentDefinitions.host, HostHandler],
  ],
  /** Pools before networks before instances; only then the others hear of this member. */
  async start(app) {
    giveBackMemoryAtRest();
    report('storage pool', await app.get(StorageHandler, { strict: false }).start());
    await app.get(ImagesHandler, { strict: false }).start();
    await app.get(BackupsHandler, { strict: false }).start();
    report('network', await app.get(NetworksHandler, { strict: false }).start());
    const instances = app.get<AgentInstances>(InstancesToken, { strict: false });
    await instances.reattach();
    app.get(NetworksHandler, { strict: false }).onMended((network) => instances.reconnect(network));
    app.get(Upkeep, { strict: false }).start();
    await app.get(Registration, { strict: false }).start();
    void app.get(RaiseHostWarnings, { strict: false }).start().catch((error: unknown) => new Logger('node-agent').warn(`warnings about the host were not raised: ${String(error)}`));
  },
  async drain(app) {
    await app.get<AgentInstances>(InstancesToken, { strict: false }).drain();
  },
  async stop(app) {
    app.get(Registration, { strict: false }).stop();
    await app.get(Upkeep, { strict: false }).stop();
    await app.get<AgentInstances>(InstancesToken, { strict: false }).close();
    await app.get<Host>(HostToken, { strict: false }).guests.close();
  },
});

/** What could not be brought up again is said and left; the rest of the host works. */
function report(kind: string, failed: readonly ({ error: unknown } & Partial<Record<'pool' | 'network', string>>)[]): void {
  const logger = new Logger('node-agent');
  for (const { error, pool, network } of failed) logger.warn(`${kind} ${pool ?? network} is not available: ${error instanceof Error ? error.message : String(error)}`);
}
