export {
  findKey,
  invalidReason,
  isFalse,
  isTrue,
  isTrueKey,
  keyFor,
  validateConfig,
  valueOf,
  type ConfigKey,
  type ConfigWords,
  type KeyTable,
} from './key.js';
export { parseBitRate, parseSize } from './size.js';
export * as validators from './validators.js';
export type { Validator } from './validators.js';
export * as addresses from './addresses.js';
export { imagePrefix, instanceKeys, invalidInstanceConfig, volatilePrefix, type ConfigOwner } from './instance/instance-keys.js';
export { expiryFrom } from './instance/instance-validators.js';
export { deviceKeys, deviceOption, invalidDevice, invalidDeviceName, isDeviceType, isForVirtualMachines, isRootDisk, nicKindOfNetwork, type DeviceOptions } from './device/device-types.js';
export { diskKeys } from './device/disk-keys.js';
export * from './device/nic-keys.js';
export * from './device/gpu-keys.js';
export * from './device/infiniband-keys.js';
export { parseProxyAddress, type ProxyAddress } from './device/proxy-address.js';
export { proxyKeys } from './device/proxy-keys.js';
export { tpmKeys } from './device/tpm-keys.js';
export { pciKeys } from './device/pci-keys.js';
export { usbKeys } from './device/usb-keys.js';
export { unixBlockKeys } from './device/unix-block-keys.js';
export { unixCharKeys } from './device/unix-char-keys.js';
export { unixHotplugKeys } from './device/unix-hotplug-keys.js';
export { guardsVolatile, isGuardedVolatile } from './project/guarded-volatile.js';
export { invalidProjectConfig, projectKeys } from './project/project-keys.js';
export { invalidMemberConfig, memberKeys } from './server/member-keys.js';
export { invalidServerConfig, serverKeys } from './server/server-keys.js';
export { bridgeKeys, invalidBridgeConfig, memberNetworkKeys } from './network/bridge-keys.js';
export * as subnets from './subnets.js';
export { invalidPoolConfig, isPoolDriver, memberPoolKeys, poolKeys } from './storage/pool-keys.js';
export { invalidVolumeConfig, volumeKeys, withPoolDefaults } from './storage/volume-keys.js';
export { isDue, isDueAtStart } from './snapshots/schedule.js';
export { nextSnapshotName } from './snapshots/snapshot-name.js';
