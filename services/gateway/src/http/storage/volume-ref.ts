import type { storage } from '@asterism/proto';
import { parameter, projectOf, query, type ApiRequest } from '../request.js';

export function volumeRef(request: ApiRequest, name = parameter(request, 'volume')): storage.VolumeRef {
  return { project: projectOf(request), pool: parameter(request, 'pool'), type: parameter(request, 'type'), name, member: query(request, 'target') };
}

/** Snapshots are named "volume/snapshot". */
export function volumeSnapshotRef(request: ApiRequest): storage.VolumeRef {
  return volumeRef(request, `${parameter(request, 'volume')}/${parameter(request, 'snapshot')}`);
}
