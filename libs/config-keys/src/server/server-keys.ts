import { validateConfig, type KeyTable } from '../key.js';
import { architecture, compressor, days, serverBool, serverInteger, serverIntegerWithin, deprecated } from './server-validators.js';

/** Keys of the server (global) and of each member (local). */
export const serverKeys = {
  backupsCompressionAlgorithm: { name: 'backups.compression_algorithm', type: 'string', description: 'Compressor used for new backups', validate: compressor, defaultValue: 'gzip', live: 'yes', condition: 'global' },
  candidApiKey: { name: 'candid.api.key', type: 'string', description: 'Public key of the identity service, needed for plain HTTP URLs', live: 'yes', condition: 'global' },
  candidApiUrl: { name: 'candid.api.url', type: 'string', description: 'URL of the external identity service', live: 'yes', condition: 'global' },
  candidDomains: { name: 'candid.domains', type: 'string', description: 'Comma list of identity domains that are accepted, empty accepts all', live: 'yes', condition: 'global' },
  candidExpiry: { name: 'candid.expiry', type: 'integer', description: 'Macaroon lifetime in seconds', validate: serverInteger, defaultValue: '3600', live: 'yes', condition: 'global' },
  clusterHttpsAddress: { name: 'cluster.https_address', type: 'string', description: 'Address used for traffic between members', live: 'yes', condition: 'local' },
  clusterImagesMinimalReplica: { name: 'cluster.images_minimal_replica', type: 'integer', description: 'How many members keep a copy of each image, -1 means all', validate: serverIntegerWithin((count) => count === -1 || count >= 1, 'Invalid value for image replica count'), defaultValue: '3', live: 'yes', condition: 'global' },
  clusterMaxStandby: { name: 'cluster.max_standby', type: 'integer', description: 'Upper bound of members with the database stand-by role', validate: serverIntegerWithin((count) => count >= 0 && count <= 5, 'Value must be between 0 and 5'), defaultValue: '2', live: 'yes', condition: 'global' },
  clusterMaxVoters: { name: 'cluster.max_voters', type: 'integer', description: 'Upper bound of members with the database voter role', validate: serverIntegerWithin((count) => count >= 3 && count % 2 === 1, 'Value must be an odd number equal to or higher than 3'), defaultValue: '3', live: 'yes', condition: 'global' },
  clusterOfflineThreshold: { name: 'cluster.offline_threshold', type: 'integer', description: 'Seconds without heartbeat after which a member counts as offline', validate: serverIntegerWithin((seconds) => seconds > 10, 'Value must be greater than \'10\''), defaultValue: '20', live: 'yes', condition: 'global' },
  coreDebugAddress: { name: 'core.debug_address', type: 'string', description: 'Bind address of the profiling HTTP server', live: 'yes', condition: 'local' },
  coreHttpsAddress: { name: 'core.https_address', type: 'string', description: 'Bind address of the HTTPS API', live: 'yes', condition: 'local' },
  coreHttpsAllowedCredentials: { name: 'core.https_allowed_credentials', type: 'bool', description: 'Send Access-Control-Allow-Credentials: true', validate: serverBool, live: 'yes', condition: 'global' },
  coreHttpsAllowedHeaders: { name: 'core.https_allowed_headers', type: 'string', description: 'Value of Access-Control-Allow-Headers', live: 'yes', condition: 'global' },
  coreHttpsAllowedMethods: { name: 'core.https_allowed_methods', type: 'string', description: 'Value of Access-Control-Allow-Methods', live: 'yes', condition: 'global' },
  coreHttpsAllowedOrigin: { name: 'core.https_allowed_origin', type: 'string', description: 'Value of Access-Control-Allow-Origin', live: 'yes', condition: 'global' },
  coreMetricsAddress: { name: 'core.metrics_address', type: 'string', description: 'Bind address of a listener for metrics only', live: 'yes', condition: 'local' },
  coreMetricsAuthentication: { name: 'core.metrics_authentication', type: 'bool', description: 'Whether metrics ask for a certificate', validate: serverBool, defaultValue: 'true', live: 'yes', condition: 'global' },
  coreProxyHttps: { name: 'core.proxy_https', type: 'string', description: 'Proxy for outgoing HTTPS, environment HTTPS_PROXY otherwise', live: 'yes', condition: 'global' },
  coreProxyHttp: { name: 'core.proxy_http', type: 'string', description: 'Proxy for outgoing HTTP, environment HTTP_PROXY otherwise', live: 'yes', condition: 'global' },
  coreProxyIgnoreHosts: { name: 'core.proxy_ignore_hosts', type: 'string', description: 'Hosts reached without proxy, environment NO_PROXY otherwise', live: 'yes', condition: 'global' },
  coreTrustCaCertificates: { name: 'core.trust_ca_certificates', type: 'bool', description: 'Trust every client certificate signed by the configured CA', validate: serverBool, live: 'yes', condition: 'global' },
  coreTrustPassword: { name: 'core.trust_password', type: 'string', description: 'Password letting new clients enrol themselves', live: 'yes', condition: 'global' },
  eventsRetention: { name: 'events.retention', type: 'integer', description: 'Days that events can be replayed', validate: days, defaultValue: '7', live: 'yes', condition: 'global' },
  idempotencyRetention: { name: 'idempotency.retention', type: 'integer', description: 'Hours that an Idempotency-Key is known', validate: serverIntegerWithin((hours) => hours >= 1 && hours <= 8760, 'Value must be between 1 and 8760'), defaultValue: '24', live: 'yes', condition: 'global' },
  imagesAutoUpdateCached: { name: 'images.auto_update_cached', type: 'bool', description: 'Keep images cached from remotes up to date', validate: serverBool, defaultValue: 'true', live: 'yes', condition: 'global' },
  imagesAutoUpdateInterval: { name: 'images.auto_update_interval', type: 'integer', description: 'Hours between update checks, 0 turns them off', validate: serverInteger, defaultValue: '6', live: 'yes', condition: 'global' },
  imagesCompressionAlgorithm: { name: 'images.compression_algorithm', type: 'string', description: 'Compressor used for newly published images', validate: compressor, defaultValue: 'gzip', live: 'yes', condition: 'global' },
  imagesDefaultArchitecture: { name: 'images.default_architecture', type: 'string', description: 'Architecture assumed for image requests that name none', validate: architecture, live: 'yes', condition: 'global' },
  imagesRemoteCacheExpiry: { name: 'images.remote_cache_expiry', type: 'integer', description: 'Days an unused cached image is kept', validate: serverInteger, defaultValue: '10', live: 'yes', condition: 'global' },
  maasApiKey: { name: 'maas.api.key', type: 'string', description: 'API key of the MAAS server', live: 'yes', condition: 'global' },
  maasApiUrl: { name: 'maas.api.url', type: 'string', description: 'URL of the MAAS server', live: 'yes', condition: 'global' },
  maasMachine: { name: 'maas.machine', type: 'string', description: 'Name of this host in MAAS', live: 'yes', condition: 'local' },
  networkOvnIntegrationBridge: { name: 'network.ovn.integration_bridge', type: 'string', description: 'Open vSwitch bridge that OVN uses on every host', defaultValue: 'br-int', live: 'yes', condition: 'global' },
  networkOvnNorthboundConnection: { name: 'network.ovn.northbound_connection', type: 'string', description: 'Connection string of the OVN northbound database', defaultValue: 'unix:/var/run/ovn/ovnnb_db.sock', live: 'yes', condition: 'global' },
  operationsRetention: { name: 'operations.retention', type: 'integer', description: 'Days that an operation is kept after its end', validate: days, defaultValue: '7', live: 'yes', condition: 'global' },
  rbacAgentPrivateKey: { name: 'rbac.agent.private_key', type: 'string', description: 'Private key of the RBAC agent account', live: 'yes', condition: 'global' },
  rbacAgentPublicKey: { name: 'rbac.agent.public_key', type: 'string', description: 'Public key of the RBAC agent account', live: 'yes', condition: 'global' },
  rbacAgentUrl: { name: 'rbac.agent.url', type: 'string', description: 'Identity URL of the RBAC agent account', live: 'yes', condition: 'global' },
  rbacAgentUsername: { name: 'rbac.agent.username', type: 'string', description: 'User name of the RBAC agent account', live: 'yes', condition: 'global' },
  rbacApiExpiry: { name: 'rbac.api.expiry', type: 'integer', description: 'Macaroon lifetime for RBAC in seconds', validate: serverInteger, defaultValue: '3600', live: 'yes', condition: 'global' },
  rbacApiKey: { name: 'rbac.api.key', type: 'string', description: 'Public key of the RBAC server, needed for plain HTTP', live: 'yes', condition: 'global' },
  rbacApiUrl: { name: 'rbac.api.url', type: 'string', description: 'URL of the RBAC server', live: 'yes', condition: 'global' },
  storageBackupsVolume: { name: 'storage.backups_volume', type: 'string', description: 'Volume that holds backup tarballs', live: 'yes', condition: 'local' },
  storageImagesVolume: { name: 'storage.images_volume', type: 'string', description: 'Volume that holds image tarballs', live: 'yes', condition: 'local' },
  rbacExpiry: { name: 'rbac.expiry', type: 'integer', description: 'Code only key, duplicate of rbac.api.expiry', validate: serverInteger, defaultValue: '3600', live: 'yes', condition: 'global' },
  storageLvmFstype: { name: 'storage.lvm_fstype', type: 'string', description: 'Old LVM filesystem default', validate: deprecated, condition: 'deprecated' },
  storageLvmMountOptions: { name: 'storage.lvm_mount_options', type: 'string', description: 'Old LVM mount options', validate: deprecated, condition: 'deprecated' },
  storageLvmThinpoolName: { name: 'storage.lvm_thinpool_name', type: 'string', description: 'Old LVM thin pool name', validate: deprecated, condition: 'deprecated' },
  storageLvmVgName: { name: 'storage.lvm_vg_name', type: 'string', description: 'Old LVM volume group name', validate: deprecated, condition: 'deprecated' },
  storageLvmVolumeSize: { name: 'storage.lvm_volume_size', type: 'string', description: 'Old LVM volume size', validate: deprecated, condition: 'deprecated' },
  storageZfsPoolName: { name: 'storage.zfs_pool_name', type: 'string', description: 'Old ZFS pool name', validate: deprecated, condition: 'deprecated' },
  storageZfsRemoveSnapshots: { name: 'storage.zfs_remove_snapshots', type: 'bool', description: 'Old ZFS snapshot removal switch', validate: deprecated, condition: 'deprecated' },
  storageZfsUseRefquota: { name: 'storage.zfs_use_refquota', type: 'bool', description: 'Old ZFS refquota switch', validate: deprecated, condition: 'deprecated' },
  coreHttpsTrustedProxy: { name: 'core.https_trusted_proxy', type: 'list', description: 'Proxies whose PROXY header is believed', live: 'yes', condition: 'global' },
  user: { name: 'user.*', type: 'string', description: 'Free metadata', live: 'yes', condition: 'global' },
} satisfies KeyTable;

const words = {
  unknown: (key: string, value: string) => `cannot set '${key}' to '${value}': unknown key`,
  invalid: (key: string, value: string, reason: string) => `cannot set '${key}' to '${value}': ${reason}`,
};

/** Why the server's configuration is refused, in LXD's words; undefined where it is good. */
export function invalidServerConfig(config: Readonly<Record<string, string>>): string | undefined {
  return validateConfig(serverKeys, config, {
    unknown: (key) => words.unknown(key, config[key] ?? ''),
    invalid: (key, reason) => words.invalid(key, config[key] ?? '', reason),
  });
}
