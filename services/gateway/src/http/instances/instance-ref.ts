import { LxdError } from '@asterism/errors';
import type { instances } from '@asterism/proto';
import { parameter, projectOf, type ApiRequest } from '../request.js';

/** The collections under which instances are served; all but the first are views of one type. */
export const instancePaths = ['1.0/instances', '1.0/containers', '1.0/virtual-machines'];

export function viewOf(request: ApiRequest): string {
  return request.routeOptions.url!.split('/')[2]!;
}

export function instanceRef(request: ApiRequest): instances.InstanceRef {
  const name = parameter(request, 'name');
  if (name.includes('/')) throw new LxdError('bad-request', 'Invalid instance name');
  return { project: projectOf(request), name, view: viewOf(request) };
}
