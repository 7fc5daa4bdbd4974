import { validateConfig, type KeyTable } from '../key.js';
import { architecture, compressor, days } from '../server/server-validators.js';
import { absolutePath, bool, int64, listOf, oneOf, size, uint32 } from '../validators.js';

/** Keys of a project. */
export const projectKeys = {
  backupsCompressionAlgorithm: { name: 'backups.compression_algorithm', type: 'string', description: 'Backup compressor of the project', validate: compressor, live: 'yes' },
  featuresImages: { name: 'features.images', type: 'bool', description: 'Own images and aliases instead of those of default', validate: bool },
  featuresNetworks: { name: 'features.networks', type: 'bool', description: 'Own networks (ovn type only)', validate: bool, defaultValue: 'false' },
  featuresProfiles: { name: 'features.profiles', type: 'bool', description: 'Own profiles including an own default', validate: bool },
  featuresStorageVolumes: { name: 'features.storage.volumes', type: 'bool', description: 'Own custom volumes', validate: bool },
  imagesAutoUpdateCached: { name: 'images.auto_update_cached', type: 'bool', description: 'Overrides the server\'s cached image updates', validate: bool, live: 'yes' },
  imagesAutoUpdateInterval: { name: 'images.auto_update_interval', type: 'integer', description: 'Overrides the server\'s update interval in hours', validate: int64, live: 'yes' },
  imagesCompressionAlgorithm: { name: 'images.compression_algorithm', type: 'string', description: 'Image compressor of the project', validate: compressor, live: 'yes' },
  imagesDefaultArchitecture: { name: 'images.default_architecture', type: 'string', description: 'Overrides the server\'s default architecture', validate: architecture, live: 'yes' },
  imagesRemoteCacheExpiry: { name: 'images.remote_cache_expiry', type: 'integer', description: 'Overrides the server\'s cache expiry in days', validate: int64, live: 'yes' },
  limitsContainers: { name: 'limits.containers', type: 'integer', validate: uint32, description: 'Number of containers allowed', live: 'yes' },
  limitsCpu: { name: 'limits.cpu', type: 'integer', description: 'Bound for the sum of instance limits.cpu', validate: uint32, live: 'yes', condition: 'all instances set limits.cpu without pinning' },
  limitsDisk: { name: 'limits.disk', type: 'size', description: 'Bound for the disk space of instances, custom volumes and images', validate: size, live: 'yes', condition: 'all volumes have a size' },
  limitsInstances: { name: 'limits.instances', type: 'integer', validate: uint32, description: 'Number of instances of both types allowed', live: 'yes' },
  limitsMemory: { name: 'limits.memory', type: 'size', description: 'Bound for the sum of instance limits.memory', validate: size, live: 'yes', condition: 'all instances set absolute limits.memory' },
  limitsNetworks: { name: 'limits.networks', type: 'integer', description: 'Number of networks allowed', validate: uint32, live: 'yes', condition: 'non-default projects' },
  limitsProcesses: { name: 'limits.processes', type: 'integer', description: 'Bound for the sum of instance limits.processes', validate: uint32, live: 'yes', condition: 'all instances set limits.processes' },
  limitsVirtualMachines: { name: 'limits.virtual-machines', type: 'integer', validate: uint32, description: 'Number of virtual machines allowed', live: 'yes' },
  operationsRetention: { name: 'operations.retention', type: 'integer', description: 'Days that an operation of the project is kept after its end, overrides the server\'s', validate: days, live: 'yes' },
  restricted: { name: 'restricted', type: 'bool', description: 'Switch that activates the restricted.* checks', validate: bool, defaultValue: 'false', live: 'yes' },
  restrictedBackups: { name: 'restricted.backups', type: 'string', description: 'Creation of backups', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedClusterGroups: { name: 'restricted.cluster.groups', type: 'list', description: 'Groups of members that instances of the project may be on', live: 'yes', condition: 'restricted=true' },
  restrictedClusterTarget: { name: 'restricted.cluster.target', type: 'string', description: 'Choosing a member with target by non-admins', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true or limits set' },
  restrictedContainersLowlevel: { name: 'restricted.containers.lowlevel', type: 'string', description: 'Low-level container keys and unsafe volatile keys', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedContainersInterception: { name: 'restricted.containers.interception', type: 'string', description: 'Interception of system calls; allow leaves out mounting', validate: oneOf('allow', 'block', 'full'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedContainersNesting: { name: 'restricted.containers.nesting', type: 'string', description: 'security.nesting=true', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedContainersPrivilege: { name: 'restricted.containers.privilege', type: 'string', description: 'Privileged containers; isolated also demands security.idmap.isolated', validate: oneOf('unprivileged', 'isolated', 'allow'), defaultValue: 'unprivileged', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesDisk: { name: 'restricted.devices.disk', type: 'string', description: 'Disk devices other than root and cloud-init drive', validate: oneOf('block', 'allow', 'managed'), defaultValue: 'managed', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesDiskPaths: { name: 'restricted.devices.disk.paths', type: 'list', description: 'Host paths below which disk devices may lie where restricted.devices.disk allows them', validate: listOf(absolutePath), live: 'yes', condition: 'restricted=true' },
  restrictedDevicesGpu: { name: 'restricted.devices.gpu', type: 'string', description: 'gpu devices', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesInfiniband: { name: 'restricted.devices.infiniband', type: 'string', description: 'infiniband devices', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesNic: { name: 'restricted.devices.nic', type: 'string', description: 'NICs; managed demands network=', validate: oneOf('block', 'allow', 'managed'), defaultValue: 'managed', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesPci: { name: 'restricted.devices.pci', type: 'string', description: 'pci devices', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesProxy: { name: 'restricted.devices.proxy', type: 'string', description: 'proxy devices', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesUnixBlock: { name: 'restricted.devices.unix-block', type: 'string', description: 'unix-block devices', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesUnixChar: { name: 'restricted.devices.unix-char', type: 'string', description: 'unix-char devices', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesUnixHotplug: { name: 'restricted.devices.unix-hotplug', type: 'string', description: 'unix-hotplug devices', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedDevicesUsb: { name: 'restricted.devices.usb', type: 'string', description: 'usb devices', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedNetworksSubnets: { name: 'restricted.networks.subnets', type: 'list', description: 'External subnets reserved for the project', live: 'yes', condition: 'restricted=true, ovn' },
  restrictedNetworksUplinks: { name: 'restricted.networks.uplinks', type: 'list', description: 'Networks usable as OVN uplink', live: 'yes', condition: 'restricted=true, ovn' },
  restrictedSnapshots: { name: 'restricted.snapshots', type: 'string', description: 'Creation of snapshots', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  restrictedVirtualMachinesLowlevel: { name: 'restricted.virtual-machines.lowlevel', type: 'string', description: 'Low-level VM keys', validate: oneOf('block', 'allow'), defaultValue: 'block', live: 'yes', condition: 'restricted=true' },
  user: { name: 'user.*', type: 'string', description: 'Free metadata', live: 'yes' },
} satisfies KeyTable;

/** Why a project's configuration is refused, in LXD's words; undefined where it is good. */
export function invalidProjectConfig(config: Readonly<Record<string, string>>): string | undefined {
  return validateConfig(projectKeys, config, {
    unknown: (key) => `Invalid project configuration key ${JSON.stringify(key)}`,
    invalid: (key, reason) => `Invalid project configuration key ${JSON.stringify(key)} value: ${reason}`,
  });
}
