import { LxdError } from '@asterism/errors';
import type { Images, images } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';

/** The file of an image that an instance of a project may have; throws not-found for all others. */
export type GuestImages = (project: string, fingerprint: string) => Promise<AsyncIterable<images.ExportFrame>>;

/** Public images, and those the server itself fetched and keeps. */
export function guestImages(service: Images): GuestImages {
  return async (project, fingerprint) => {
    const call = systemCall();
    const reference = { project, fingerprint, secret: '', public_only: false };
    const { json } = await service.get(call, reference);
    const image = JSON.parse(json.toString()) as { fingerprint: string; public: boolean; cached: boolean };
    if (!image.public && !image.cached) throw new LxdError('not-found', `Image "${fingerprint}" not found`);
    return service.export(call, { ...reference, fingerprint: image.fingerprint });
  };
}
