import type { KeyTable } from '../key.js';
import { bool } from '../validators.js';
import { rawIdmap, rawLxc } from './instance-validators.js';

/** Raw configuration of the runtime and of host facilities. */
export const rawKeys = {
  linuxKernelModules: { name: 'linux.kernel_modules', type: 'string', description: 'Comma list of host modules loaded before start', live: 'yes', condition: 'container' },
  nvidiaDriverCapabilities: { name: 'nvidia.driver.capabilities', type: 'string', description: 'Driver capabilities given to the NVIDIA hook', defaultValue: 'compute,utility', live: 'no', condition: 'container' },
  nvidiaRuntime: { name: 'nvidia.runtime', type: 'bool', description: 'Inject the host NVIDIA libraries', validate: bool, defaultValue: 'false', live: 'no', condition: 'container' },
  nvidiaRequireCuda: { name: 'nvidia.require.cuda', type: 'string', description: 'Required CUDA version expression', live: 'no', condition: 'container' },
  nvidiaRequireDriver: { name: 'nvidia.require.driver', type: 'string', description: 'Required driver version expression', live: 'no', condition: 'container' },
  rawApparmor: { name: 'raw.apparmor', type: 'blob', description: 'Text appended to the AppArmor profile', live: 'yes', condition: 'container, VM' },
  rawIdmap: { name: 'raw.idmap', type: 'blob', description: 'Extra id mappings', validate: rawIdmap, live: 'no', condition: 'unprivileged container' },
  rawLxc: { name: 'raw.lxc', type: 'blob', description: 'Text appended to the LXC config', validate: rawLxc, live: 'no', condition: 'container' },
  rawQemu: { name: 'raw.qemu', type: 'blob', description: 'Text appended to the QEMU command line', live: 'no', condition: 'VM' },
  rawSeccomp: { name: 'raw.seccomp', type: 'blob', description: 'Replacement seccomp policy', live: 'no', condition: 'container' },
} satisfies KeyTable;
