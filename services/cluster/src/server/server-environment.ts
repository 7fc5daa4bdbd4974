import { hostname } from 'node:os';
import { serverKeys } from '@asterism/config-keys';
import { reachableAddresses } from '../config/listen-address.js';

/** The release of the reference whose extensions are advertised. */
export const serverVersion = '4.15';

/** What an agent knows of its host (`RegisterMember.environment`). */
export interface HostEnvironment {
  /** IP addresses of the host that others can reach. */
  addresses: string[];
  architectures: string[];
  driver: string;
  driver_version: string;
  firewall: string;
  kernel: string;
  kernel_architecture: string;
  kernel_features: Record<string, string>;
  kernel_version: string;
  lxc_features: Record<string, string>;
  os_name: string;
  os_version: string;
  storage_supported_drivers: { Name: string; Version: string; Remote: boolean }[];
}

/** "environment" of GET /1.0 without the certificate, which the gateway that serves it knows. */
export function serverEnvironment(host: HostEnvironment, server: { config: Readonly<Record<string, string>>; clusterName: string | undefined }, driversInUse: readonly string[]): object {
  const used = host.storage_supported_drivers.filter((driver) => driversInUse.includes(driver.Name));
  return {
    addresses: reachableAddresses(server.config[serverKeys.coreHttpsAddress.name] ?? '', host.addresses),
    architectures: host.architectures,
    driver: host.driver,
    driver_version: host.driver_version,
    firewall: host.firewall,
    kernel: host.kernel,
    kernel_architecture: host.kernel_architecture,
    kernel_features: host.kernel_features,
    kernel_version: host.kernel_version,
    lxc_features: host.lxc_features,
    os_name: host.os_name,
    os_version: host.os_version,
    project: 'default',
    server: 'lxd',
    server_clustered: server.clusterName !== undefined,
    server_name: server.clusterName ?? hostname(),
    server_pid: process.pid,
    server_version: serverVersion,
    storage: used.map((driver) => driver.Name).join(' | '),
    storage_version: used.map((driver) => driver.Version).join(' | '),
    storage_supported_drivers: host.storage_supported_drivers,
  };
}
