import { isTrue } from '../key.js';
import { diskKeys } from './disk-keys.js';
import { gpuMigKeys, gpuPhysicalKeys } from './gpu-keys.js';
import { vlanList } from './device-validators.js';
import { nicBridgedKeys, nicRoutedKeys } from './nic-keys.js';
import { parseProxyAddress } from './proxy-address.js';
import { proxyKeys } from './proxy-keys.js';
import { unixCharKeys } from './unix-char-keys.js';
import { usbKeys } from './usb-keys.js';

type Options = Readonly<Record<string, string>>;

/** Why options that are each good do not go together, by the device's type, or by "type:kind" (LXD's sentences). */
export const deviceRules: Readonly<Record<string, (options: Options) => string | undefined>> = {
  disk: invalidDisk,
  'unix-char': invalidUnix,
  'unix-block': invalidUnix,
  'unix-hotplug': (options) => (options[usbKeys.vendorid.name] || options[usbKeys.productid.name] ? undefined : 'Unix hotplug devices require a vendorid or a productid'),
  gpu: invalidGpu,
  'gpu:mig': invalidMig,
  proxy: invalidProxy,
  'nic:bridged': (options) => (options[nicBridgedKeys.vlanTagged.name] ? vlanList(options[nicBridgedKeys.vlanTagged.name]!) : undefined),
  'nic:routed': invalidRoutedNic,
};

function invalidDisk(options: Options): string | undefined {
  const { path, source, pool, required, optional, size, sizeState, recursive, readonly, shift, cephUserName, cephClusterName } = diskKeys;
  const from = options[source.name] ?? '';
  if (options[required.name] && options[optional.name]) return 'Cannot use both "required" and deprecated "optional" properties at the same time';
  if (!from && options[path.name] !== '/') return 'Disk entry is missing the required "source" or "path" property';
  if (options[path.name] === '/' && from) return 'Root disk entry may not have a "source" property set';
  if (options[path.name] === '/' && !options[pool.name]) return 'Root disk entry must have a "pool" property set';
  if (options[size.name] && options[path.name] !== '/') return 'Only the root disk may have a size quota';
  if (options[sizeState.name] && options[path.name] !== '/') return 'Only the root disk may have a migration size quota';
  if (isTrue(options[recursive.name]) && isTrue(options[readonly.name])) return "Recursive read-only bind-mounts aren't currently supported by the kernel";
  if (!/^ceph(?:fs)?:/.test(from) && (options[cephUserName.name] || options[cephClusterName.name])) return `Invalid options ceph.cluster_name/ceph.user_name for source ${JSON.stringify(from)}`;
  if (options[pool.name] && options[shift.name]) return 'The "shift" property cannot be used with custom storage volumes (set "security.shifted=true" on the volume instead)';
  if (options[pool.name] && from.startsWith('/')) return 'Storage volumes cannot be specified as absolute paths';
  if (!options[pool.name] && from && !from.startsWith('/') && !/^(?:ceph|cephfs|cloud-init):/.test(from)) return 'Source path must be absolute for local sources';
  return undefined;
}

function invalidUnix(options: Options): string | undefined {
  return options[unixCharKeys.source.name] || options[unixCharKeys.path.name] ? undefined : 'Unix device entry is missing the required "source" or "path" property';
}

function invalidGpu(options: Options): string | undefined {
  const { pci, id, productid, vendorid } = gpuPhysicalKeys;
  const clash = (chosen: string, others: readonly string[]): string | undefined => {
    const other = options[chosen] ? others.find((name) => options[name]) : undefined;
    return other && `Cannot use ${JSON.stringify(other)} when when ${JSON.stringify(chosen)} is set`;
  };
  return clash(pci.name, [id.name, productid.name, vendorid.name]) ?? clash(id.name, [pci.name, productid.name, vendorid.name]);
}

function invalidMig(options: Options): string | undefined {
  const { migUuid, migGi, migCi } = gpuMigKeys;
  const isNumbered = Boolean(options[migGi.name]) && Boolean(options[migCi.name]);
  if (options[migUuid.name]) return options[migGi.name] || options[migCi.name] ? 'Cannot use "mig.uuid" with "mig.gi" or "mig.ci"' : undefined;
  return isNumbered ? undefined : 'Either "mig.uuid" or both "mig.gi" and "mig.ci" must be set';
}

function invalidProxy(options: Options): string | undefined {
  const { listen: listenKey, connect: connectKey, bind, uid, gid, mode, nat, proxyProtocol } = proxyKeys;
  const listen = parseProxyAddress(options[listenKey.name] ?? '');
  const connect = parseProxyAddress(options[connectKey.name] ?? '');
  if (typeof listen === 'string' || typeof connect === 'string') return undefined; // their keys' own validators have said so
  if (connect.ports.length > Math.max(1, listen.ports.length) || (connect.ports.length > 1 && connect.ports.length !== listen.ports.length)) return 'Mismatch between listen port(s) and connect port(s) count';
  const isNat = isTrue(options[nat.name]);
  if (isTrue(options[proxyProtocol.name]) && (connect.protocol !== 'tcp' || isNat)) return 'The PROXY header can only be sent to tcp servers in non-nat mode';
  const isPath = listen.protocol === 'unix' && !listen.address.startsWith('@');
  if (!isPath && [uid, gid, mode].some((key) => options[key.name])) return 'Only proxy devices for non-abstract unix sockets can carry uid, gid, or mode properties';
  if (!isNat) return undefined;
  if ((options[bind.name] || 'host') !== 'host') return 'Only host-bound proxies can use NAT';
  if (listen.protocol === 'unix' || connect.protocol !== listen.protocol) return `Proxying ${listen.protocol} <-> ${connect.protocol} is not supported when using NAT`;
  if (['', '0.0.0.0', '::'].includes(listen.address)) return `Cannot listen on wildcard address ${JSON.stringify(listen.address)} when in nat mode`;
  return listen.address.includes(':') === connect.address.includes(':') ? undefined : 'Cannot mix IP versions between listen and connect in nat mode';
}

function invalidRoutedNic(options: Options): string | undefined {
  const { parent, vlan, ipv4Address, ipv6Address } = nicRoutedKeys;
  if (options[vlan.name] && !options[parent.name]) return 'The vlan setting can only be used when combined with a parent interface';
  for (const { name } of [ipv4Address, ipv6Address]) {
    const addresses = (options[name] ?? '').split(',').map((address) => address.trim());
    const twice = addresses.find((address, index) => address !== '' && addresses.indexOf(address) !== index);
    if (twice !== undefined) return `Duplicate address ${JSON.stringify(twice)} in ${JSON.stringify(name)}`;
  }
  return undefined;
}
