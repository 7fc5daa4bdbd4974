import { createHash } from 'node:crypto';
import { LxdError } from '@asterism/errors';
import type { agentBackups, agentFiles, agentHost, agentImages, agentNetworks, common } from '@asterism/proto';
import type { CallContext, Service } from '@asterism/rpc';
import { failing } from './failing.js';
import type { SimulatedHost } from './simulated-host.js';

const nothing: common.Empty = {};
const document = (value: unknown): common.Document => ({ json: Buffer.from(JSON.stringify(value)), etag: '' });
const withoutContents = (): LxdError => new LxdError('unsupported', 'A simulated host has no contents');

/** AgentNetworks: names of bridges. */
export class SimulatedNetworks implements Service<typeof agentNetworks.AgentNetworksDefinition> {
  constructor(private readonly host: SimulatedHost) {}

  async apply(_call: CallContext, { name }: agentNetworks.BridgeSpec): Promise<common.Empty> {
    this.host.networks.add(name);
    return nothing;
  }
  async remove(_call: CallContext, { name }: agentNetworks.BridgeSpec): Promise<common.Empty> {
    this.host.networks.delete(name);
    return nothing;
  }
  async state(): Promise<common.Document> {
    return document({ addresses: [], counters: { bytes_received: 0, bytes_sent: 0, packets_received: 0, packets_sent: 0 }, hwaddr: '', mtu: 1500, state: 'up', type: 'broadcast', bond: null, bridge: null, vlan: null });
  }
  async leases(): Promise<common.Document> {
    return document([]);
  }
  async usedSubnets(): Promise<agentNetworks.Subnets> {
    return { cidrs: [], has_ipv6: true };
  }
  async links(): Promise<agentNetworks.HostLinks> {
    return { type_by_name: { lo: 'loopback', eth0: 'physical' } };
  }
  async lookAfter(): Promise<agentNetworks.LookedAfterNetworks> {
    return { networks: [...this.host.networks].map((name) => ({ name, problem: '' })) };
  }
}

/** AgentHost: the facts of one kind of machine. */
export class SimulatedMachine implements Service<typeof agentHost.AgentHostDefinition> {
  constructor(private readonly address: string) {}

  async resources(): Promise<common.Document> {
    return document({ cpu: { architecture: 'x86_64', sockets: [], total: 64 }, memory: { nodes: [], hugepages_total: 0, hugepages_used: 0, hugepages_size: 2097152, used: 2 ** 36, total: 2 ** 38 }, gpu: { cards: [], total: 0 }, network: { cards: [], total: 0 }, storage: { disks: [], total: 0 }, usb: { devices: [], total: 0 }, pci: { devices: [], total: 0 }, system: {} });
  }

  async environment(): Promise<common.Document> {
    return document({
      addresses: [this.address],
      architectures: ['x86_64', 'i686'],
      driver: 'lxc',
      driver_version: '5.0.2',
      firewall: 'nftables',
      kernel: 'Linux',
      kernel_architecture: 'x86_64',
      kernel_features: { idmapped_mounts: 'true', netnsid_getifaddrs: 'true', seccomp_listener: 'true', seccomp_listener_continue: 'true', shiftfs: 'false', uevent_injection: 'true', unpriv_fscaps: 'true' },
      kernel_version: '6.1.0',
      lxc_features: { cgroup2: 'true', core_scheduling: 'true', devpts_fd: 'true', idmapped_mounts_v2: 'true', mount_injection_file: 'true', network_gateway_device_route: 'true', network_ipvlan: 'true', network_l2proxy: 'true', network_phys_macvlan_mtu: 'true', network_veth_router: 'true', pidfd: 'true', seccomp_allow_deny_syntax: 'true', seccomp_notify: 'true', seccomp_proxy_send_notify_fd: 'true' },
      os_name: 'Debian GNU/Linux',
      os_version: '12',
      storage_supported_drivers: [{ Name: 'dir', Version: '1', Remote: false }],
    });
  }

  async missingPaths(): Promise<agentHost.HostPaths> {
    return { paths: [] };
  }
}

/** AgentImages: takes images and keeps their sizes. */
export class SimulatedImages implements Service<typeof agentImages.AgentImagesDefinition> {
  readonly #uploads = new Map<string, number>();
  readonly #images = new Map<string, number>();

  async receive(_call: CallContext, frames: AsyncIterable<agentImages.ReceiveFrame>): Promise<agentImages.Received> {
    const hash = createHash('sha256');
    let size_bytes = 0;
    let upload = '';
    for await (const { part } of frames) {
      if (part?.$case === 'header') upload = part.value.upload_id;
      else if (part?.$case === 'chunk') {
        hash.update(part.value);
        size_bytes += part.value.length;
      }
    }
    this.#uploads.set(upload, size_bytes);
    return { fingerprint: hash.digest('hex'), size_bytes, metadata: Buffer.from('{"architecture":"x86_64","creation_date":1}'), type: 'container' };
  }
  async pack(): Promise<agentImages.Received> {
    throw withoutContents();
  }
  async commit(_call: CallContext, { upload_id, fingerprint }: agentImages.CommitImage): Promise<common.Empty> {
    this.#images.set(fingerprint, this.#uploads.get(upload_id) ?? 0);
    this.#uploads.delete(upload_id);
    return nothing;
  }
  async kept(): Promise<agentImages.KeptImages> {
    return { fingerprints: [...this.#images.keys()] };
  }
  async abort(_call: CallContext, { upload_id }: agentImages.UploadName): Promise<common.Empty> {
    this.#uploads.delete(upload_id);
    return nothing;
  }
  async files(_call: CallContext, { fingerprint }: agentImages.ImageName): Promise<agentImages.ImageFiles> {
    return { present: this.#images.has(fingerprint), meta_bytes: this.#images.get(fingerprint) ?? 0, rootfs_bytes: -1, meta_extension: 'tar.gz', rootfs_extension: '', modified_at_ms: 0 };
  }
  read(): AsyncIterable<agentImages.Chunk> {
    return failing(withoutContents());
  }
  async delete(_call: CallContext, { fingerprint }: agentImages.ImageName): Promise<common.Empty> {
    this.#images.delete(fingerprint);
    return nothing;
  }
}

/** AgentBackups: there is nothing to archive. */
export class SimulatedBackups implements Service<typeof agentBackups.AgentBackupsDefinition> {
  async write(): Promise<agentBackups.BackupWritten> {
    throw withoutContents();
  }
  async progress(): Promise<agentBackups.BackupProgress> {
    return { bytes: 0 };
  }
  async receive(): Promise<agentBackups.ReceivedBackup> {
    throw withoutContents();
  }
  read(): AsyncIterable<agentBackups.BackupFile> {
    return failing(withoutContents());
  }
  async delete(): Promise<common.Empty> {
    return nothing;
  }
}

/** AgentFiles: instances without files. */
export class SimulatedFiles implements Service<typeof agentFiles.AgentFilesDefinition> {
  pull(): AsyncIterable<agentFiles.FileFrame> {
    return failing(withoutContents());
  }
  async push(): Promise<common.Empty> {
    throw withoutContents();
  }
  async delete(): Promise<common.Empty> {
    throw withoutContents();
  }
  async listLogs(): Promise<agentFiles.LogNames> {
    return { names: [] };
  }
  readLog(): AsyncIterable<agentFiles.FileFrame> {
    return failing(withoutContents());
  }
  async deleteLog(): Promise<common.Empty> {
    return nothing;
  }
  readConsoleLog(): AsyncIterable<agentFiles.FileFrame> {
    return failing(withoutContents());
  }
  async clearConsoleLog(): Promise<common.Empty> {
    return nothing;
  }
  async getMetadata(): Promise<common.Document> {
    throw withoutContents();
  }
  async putMetadata(): Promise<common.Empty> {
    throw withoutContents();
  }
  async listTemplates(): Promise<agentFiles.TemplateNames> {
    return { names: [] };
  }
  readTemplate(): AsyncIterable<agentFiles.FileFrame> {
    return failing(withoutContents());
  }
  async writeTemplate(): Promise<common.Empty> {
    throw withoutContents();
  }
  async deleteTemplate(): Promise<common.Empty> {
    return nothing;
  }
}
