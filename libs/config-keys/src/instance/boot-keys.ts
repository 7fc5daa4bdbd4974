import type { KeyTable } from '../key.js';
import { bool, int64, oneOf, uint32 } from '../validators.js';
import { snapshotExpiry, snapshotSchedule } from './instance-validators.js';

/** Start order, snapshots, migration and free keys of instances. */
export const bootKeys = {
  bootAutostart: { name: 'boot.autostart', type: 'bool', description: 'Start with the daemon; unset restores the last power state', validate: bool, condition: 'container, VM' },
  bootAutostartDelay: { name: 'boot.autostart.delay', type: 'integer', description: 'Pause in seconds after starting this one before the next', validate: int64, defaultValue: '0', condition: 'container, VM' },
  bootAutostartPriority: { name: 'boot.autostart.priority', type: 'integer', description: 'Start order, highest first', validate: int64, defaultValue: '0', condition: 'container, VM' },
  bootHostShutdownTimeout: { name: 'boot.host_shutdown_timeout', type: 'integer', description: 'Seconds allowed for stopping at daemon shutdown', validate: int64, defaultValue: '30', live: 'yes', condition: 'container, VM' },
  bootStopPriority: { name: 'boot.stop.priority', type: 'integer', description: 'Stop order, highest first', validate: int64, defaultValue: '0', condition: 'container, VM' },
  clusterEvacuate: { name: 'cluster.evacuate', type: 'string', description: 'What becomes of the instance when its member is evacuated', validate: oneOf('auto', 'migrate', 'live-migrate', 'stop'), defaultValue: 'auto', live: 'no', condition: 'container, VM' },
  environment: { name: 'environment.*', type: 'string', description: 'Environment variable for init and exec', live: 'yes', condition: 'container, VM' },
  migrationIncrementalMemory: { name: 'migration.incremental.memory', type: 'bool', description: 'Iterative memory transfer in live migration', validate: bool, defaultValue: 'false', live: 'yes', condition: 'container' },
  migrationIncrementalMemoryGoal: { name: 'migration.incremental.memory.goal', type: 'integer', description: 'Percent in sync before the final stop', validate: uint32, defaultValue: '70', live: 'yes', condition: 'container' },
  migrationIncrementalMemoryIterations: { name: 'migration.incremental.memory.iterations', type: 'integer', description: 'Most transfer rounds', validate: uint32, defaultValue: '10', live: 'yes', condition: 'container' },
  migrationStateful: { name: 'migration.stateful', type: 'bool', description: 'Permit stateful stop, start and snapshot', validate: bool, defaultValue: 'false', live: 'no', condition: 'VM' },
  snapshotsSchedule: { name: 'snapshots.schedule', type: 'list', description: 'When automatic snapshots are taken', validate: snapshotSchedule, live: 'no', condition: 'container, VM' },
  snapshotsScheduleStopped: { name: 'snapshots.schedule.stopped', type: 'bool', description: 'Also snapshot stopped instances', validate: bool, defaultValue: 'false', live: 'no', condition: 'container, VM' },
  snapshotsPattern: { name: 'snapshots.pattern', type: 'string', description: 'Name template of automatic and unnamed snapshots', defaultValue: 'snap%d', live: 'no', condition: 'container, VM' },
  snapshotsExpiry: { name: 'snapshots.expiry', type: 'list', description: 'Lifetime of new snapshots', validate: snapshotExpiry, live: 'no', condition: 'container, VM' },
  user: { name: 'user.*', type: 'string', description: 'Free metadata, visible in /dev/lxd', condition: 'container, VM' },
  userMetaData: { name: 'user.meta-data', type: 'string', description: 'cloud-init meta-data appended to the seed', condition: 'container, VM' },
  userNetworkConfig: { name: 'user.network-config', type: 'string', description: 'cloud-init network configuration', defaultValue: 'DHCP on eth0', condition: 'container, VM' },
  userNetworkMode: { name: 'user.network_mode', type: 'string', description: 'dhcp or link-local, image dependent', defaultValue: 'dhcp', condition: 'container, VM' },
  userUserData: { name: 'user.user-data', type: 'string', description: 'cloud-init user-data', defaultValue: '#!cloud-config', condition: 'container, VM' },
  userVendorData: { name: 'user.vendor-data', type: 'string', description: 'cloud-init vendor-data', defaultValue: '#!cloud-config', condition: 'container, VM' },
} satisfies KeyTable;
