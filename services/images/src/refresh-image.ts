import type { Unit } from '@asterism/database';
import { LxdError, fromUnknown } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import { defineTask, type TaskDefinition } from '@asterism/tasks';
import { moveAliases } from './alias.store.js';
import { imageUrl } from './image-project.js';
import type { ImageParts } from './image-parts.js';
import { concludeImage, keepSteps, type KeepImage, type KeepState } from './keep-image.js';
import { downloadImage } from './pull-image.js';
import { findRemote } from './remotes/find-remote.js';

export interface RefreshImage extends KeepImage {
  fingerprint: string;
}

interface RefreshState extends KeepState {
  isNewer?: boolean;
}

/** Replaces an image by what its source offers now; aliases move along, and with the same commit the old one is given to `forget`. */
export function refreshImageTask(parts: ImageParts, forget: (unit: Unit, image: { project: string; fingerprint: string }) => Promise<void>): TaskDefinition<RefreshImage, RefreshState> {
  return defineTask<RefreshImage, RefreshState>({
    kind: 'image.refresh',
    steps: [
      {
        name: 'look for a newer image',
        async run(context) {
          const { input, state, signal } = context;
          try {
            const source = input.updateSource;
            if (!source) throw new LxdError('bad-request', 'Image source not found');
            const wish = { ...source, fingerprint: '', secret: '', imageType: source.image_type };
            const image = await findRemote(wish, signal);
            if (image.fingerprint === input.fingerprint) state.existing = { fingerprint: image.fingerprint, size: 0 };
            else await downloadImage(parts.agents, context, image);
            state.isNewer = image.fingerprint !== input.fingerprint;
          } catch (error) {
            const { kind, message } = fromUnknown(error);
            throw new LxdError(kind, `Failed to update image "${input.fingerprint}" in project "${input.owner}": ${message}`);
          }
        },
        async undo({ call, input }) {
          await parts.agents.on(input.member).images.abort(call, { upload_id: input.uploadId });
        },
      },
      ...keepSteps<RefreshImage>(parts),
    ],
    async conclude(unit, context) {
      const { input, state, call } = context;
      if (state.isNewer) {
        await concludeImage(unit, { ...context, result: () => undefined });
        const newer = state.existing?.fingerprint ?? (state.arrival && 'received' in state.arrival ? state.arrival.received.fingerprint : '');
        await moveAliases(unit, { project: input.owner, from: input.fingerprint, to: newer });
        unit.emit(lifecycle({ action: 'image-refreshed', source: imageUrl(input.project, newer), project: input.project, requestor: call.requestor }));
        await forget(unit, { project: input.owner, fingerprint: input.fingerprint });
      }
      context.result({ refreshed: state.isNewer === true });
    },
  });
}
