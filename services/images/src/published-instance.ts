import { isRootDisk, diskKeys, type DeviceOptions } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import type { Instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import type { ImageSource } from './create-request.js';

/** Where an instance to be published lies, and what its image will be of. */
export interface PublishedInstance {
  member: string;
  type: string;
  architecture: string;
  pool: string;
}

/** Throws not-found for an instance that is not there; a request without a name is left to its operation. */
export async function publishedInstance(call: CallContext, instances: Instances, from: { project: string; source: ImageSource }): Promise<PublishedInstance> {
  const [name = ''] = from.source.name.split('/');
  if (name === '') return { member: 'none', type: 'container', architecture: '', pool: '' };
  const ref = { project: from.project, name, view: 'instances' };
  const { member, type } = await instances.locate(call, ref);
  const { json } = await instances.get(call, ref);
  const { architecture, expanded_devices } = JSON.parse(json.toString()) as { architecture: string; expanded_devices: Record<string, DeviceOptions> };
  const root = Object.values(expanded_devices).find((device) => isRootDisk(device));
  if (!root) throw new LxdError('bad-request', 'No root device could be found');
  return { member, type, architecture, pool: root[diskKeys.pool.name] ?? '' };
}
