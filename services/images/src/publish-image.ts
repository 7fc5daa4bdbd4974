import { LxdError, isKind } from '@asterism/errors';
import { defineTask, type TaskDefinition } from '@asterism/tasks';
import type { ImageParts } from './image-parts.js';
import { concludeImage, keepSteps, type KeepImage, type KeepState } from './keep-image.js';
import { arrivalOf } from './upload.js';

export interface PublishImage extends KeepImage {
  /** Name of the instance, or "instance/snapshot". */
  source: string;
  sourceProject: string;
  isSnapshot: boolean;
  type: string;
  architecture: string;
  pool: string;
  compression: string;
  filename: string;
  /** Replace those of the image the instance was made of, unless empty. */
  packedProperties: Record<string, string>;
}

/** Makes an image of a stopped instance or of a snapshot. */
export function publishImageTask(parts: ImageParts): TaskDefinition<PublishImage, KeepState> {
  const { agents, instances, volumes } = parts;
  return defineTask<PublishImage, KeepState>({
    kind: 'image.publish',
    steps: [
      {
        name: 'pack the instance',
        async run({ call, input, state }) {
          if (input.source === '') throw new LxdError('bad-request', 'No source provided');
          if (input.isSnapshot !== input.source.includes('/')) throw new LxdError('bad-request', input.isSnapshot ? 'Not a snapshot' : 'This is a snapshot');
          const [name = ''] = input.source.split('/');
          const { running } = await instances.locate(call, { project: input.sourceProject, name, view: 'instances' });
          if (running && !input.isSnapshot) throw new LxdError('bad-request', 'Cannot export a running instance as an image');
          const { path } = await volumes.locate(call, { project: input.sourceProject, pool: input.pool, type: input.type, name: input.source }).catch((error: unknown) => {
            throw isKind(error, 'not-found') ? new LxdError('not-found', 'Instance not found', { cause: error }) : error;
          });
          const received = await agents.on(input.member).images.pack(call, {
            upload_id: input.uploadId,
            path,
            compression: input.compression,
            architecture: input.architecture,
            expiry_date: Math.max(0, input.expiresAt ?? 0),
            properties: input.packedProperties,
          });
          state.arrival = arrivalOf(received, input.filename);
        },
        async undo({ call, input }) {
          await agents.on(input.member).images.abort(call, { upload_id: input.uploadId });
        },
      },
      ...keepSteps<PublishImage>(parts),
    ],
    conclude: concludeImage,
  });
}
