import type { KeyTable } from '../key.js';
import { bool, int64, oneOf, priority, size, sizeOrPercent } from '../validators.js';
import { cpuLimit, cpuAllowance, kernelLimit } from './instance-validators.js';

/** Resource limits of instances. */
export const limitsKeys = {
  limitsCpu: { name: 'limits.cpu', type: 'string', description: 'CPU count or pinned set', validate: cpuLimit, live: 'yes', condition: 'container, VM' },
  limitsCpuAllowance: { name: 'limits.cpu.allowance', type: 'string', description: 'Soft share in percent or hard quota', validate: cpuAllowance, defaultValue: '100%', live: 'yes', condition: 'container' },
  limitsCpuPriority: { name: 'limits.cpu.priority', type: 'integer', description: 'Scheduling weight within shared CPUs', validate: priority, defaultValue: '10', live: 'yes', condition: 'container' },
  limitsDiskPriority: { name: 'limits.disk.priority', type: 'integer', description: 'I/O weight under load', validate: priority, defaultValue: '5', live: 'yes', condition: 'container, VM' },
  limitsHugepages64KB: { name: 'limits.hugepages.64KB', type: 'size', description: 'Limit of 64KB huge pages', validate: size, live: 'yes', condition: 'container' },
  limitsHugepages1MB: { name: 'limits.hugepages.1MB', type: 'size', description: 'Limit of 1MB huge pages', validate: size, live: 'yes', condition: 'container' },
  limitsHugepages2MB: { name: 'limits.hugepages.2MB', type: 'size', description: 'Limit of 2MB huge pages', validate: size, live: 'yes', condition: 'container' },
  limitsHugepages1GB: { name: 'limits.hugepages.1GB', type: 'size', description: 'Limit of 1GB huge pages', validate: size, live: 'yes', condition: 'container' },
  limitsKernel: { name: 'limits.kernel.*', type: 'string', description: 'Process rlimit SOFT:HARD, N or unlimited', validate: kernelLimit, live: 'no', condition: 'container' },
  limitsMemory: { name: 'limits.memory', type: 'size', description: 'Memory limit', validate: sizeOrPercent, live: 'yes', condition: 'container, VM' },
  limitsMemoryEnforce: { name: 'limits.memory.enforce', type: 'string', description: 'Hard cap or pressure-only limit', validate: oneOf('soft', 'hard'), defaultValue: 'hard', live: 'yes', condition: 'container' },
  limitsMemoryHugepages: { name: 'limits.memory.hugepages', type: 'bool', description: 'Back guest memory with huge pages', validate: bool, defaultValue: 'false', live: 'no', condition: 'VM' },
  limitsMemorySwap: { name: 'limits.memory.swap', type: 'bool', description: 'Allow swapping of the instance', validate: bool, defaultValue: 'true', live: 'yes', condition: 'container' },
  limitsMemorySwapPriority: { name: 'limits.memory.swap.priority', type: 'integer', description: 'Higher is swapped later', validate: priority, defaultValue: '10', live: 'yes', condition: 'container' },
  limitsNetworkPriority: { name: 'limits.network.priority', type: 'integer', description: 'Network priority under load', validate: priority, defaultValue: '0', live: 'yes', condition: 'container, VM' },
  limitsProcesses: { name: 'limits.processes', type: 'integer', description: 'Number of processes', validate: int64, live: 'yes', condition: 'container' },
} satisfies KeyTable;
