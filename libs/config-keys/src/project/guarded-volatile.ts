import { instanceKeys } from '../instance/instance-keys.js';
import { findKey, valueOf } from '../key.js';
import { isTrue } from '../key.js';
import { projectKeys } from './project-keys.js';

/** Whether a project keeps its users from the volatile keys of such instances. */
export function guardsVolatile(project: Readonly<Record<string, string>>, type: string): boolean {
  const guard = type === 'virtual-machine' ? projectKeys.restrictedVirtualMachinesLowlevel : projectKeys.restrictedContainersLowlevel;
  return isTrue(project[projectKeys.restricted.name]) && valueOf(project, guard) !== 'allow';
}

const plain: readonly string[] = [instanceKeys.volatileApplyTemplate, instanceKeys.volatileBaseImage, instanceKeys.volatileLastStatePower].map((key) => key.name);
const ofDevices = [instanceKeys.volatileDeviceHwaddr, instanceKeys.volatileDeviceApplyQuota];

/** Volatile keys but those that do no more than what the API offers anyway. */
export function isGuardedVolatile(key: string): boolean {
  return key.startsWith('volatile.') && !plain.includes(key) && !ofDevices.some((known) => findKey({ known }, key));
}
