import { withoutEmpty } from '@asterism/api';
import { common, type images } from '@asterism/proto';
import type { ImageRow } from './image.js';
import type { ImageChange } from './image.store.js';

/** Go's zero time, which an image has that never expires. */
const zeroTime = '0001-01-01T00:00:00Z';

/** What an image will be after a PUT or PATCH. LXD never takes an expiry away again: an absent one keeps the old. */
export function changed(row: ImageRow, request: images.UpdateImage): ImageChange {
  const isMerge = request.mode === common.UpdateMode.MERGE;
  return {
    public: request.public ?? (isMerge ? row.public : false),
    auto_update: request.auto_update ?? (isMerge ? row.auto_update : false),
    properties: withoutEmpty(isMerge ? { ...row.properties, ...request.properties } : request.properties),
    profiles: wantedProfiles(row, request),
    // 0 stands for the zero time and for the epoch alike; LXD lets the former change nothing.
    expires_at_ms: request.expires_at_ms === 0 && row.expires_at === zeroTime ? undefined : request.expires_at_ms,
  };
}

/** LXD gives the default profile to an image that is replaced without a list of its own. */
function wantedProfiles(row: ImageRow, request: images.UpdateImage): string[] {
  if (!request.keep_profiles) return [...new Set(request.profiles)];
  return request.mode === common.UpdateMode.MERGE ? row.profiles : ['default'];
}
