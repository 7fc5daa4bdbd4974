import type { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import type { InstanceVolumes } from '@asterism/proto';
import { defineTask, type TaskDefinition } from '@asterism/tasks';
import { forgetLocations, holdForDeletion, isShared, letGo, lockFingerprint, membersOf, releaseReservation } from './image.store.js';
import { imageUrl } from './image-project.js';

export interface DeleteImage {
  fingerprint: string;
  project: string;
  owner: string;
}

/** Takes an image from its project; its files and volumes go with the last project that has it. */
export function deleteImageTask(agents: Agents, volumes: InstanceVolumes): TaskDefinition<DeleteImage, object> {
  return defineTask<DeleteImage, object>({
    kind: 'image.delete',
    steps: [
      {
        name: 'hide the image',
        async run(context) {
          const { owner, fingerprint } = context.input;
          const held = await context.transact((unit) => holdForDeletion(unit, context.id, { project: owner, fingerprint }));
          if (!held) throw new LxdError('not-found', 'Image not found');
        },
        undo: (context) => context.transact((unit) => letGo(unit, context.id)),
      },
      {
        name: 'remove volumes and files',
        async run(context) {
          const { fingerprint } = context.input;
          await context.transact(async (unit) => {
            await lockFingerprint(unit, fingerprint);
            if (await isShared(unit, fingerprint, context.id)) return;
            await volumes.forgetImage(context.call, { fingerprint });
            for (const member of await membersOf(unit, fingerprint)) await agents.on(member).images.delete(context.call, { fingerprint });
            await forgetLocations(unit, fingerprint);
          });
        },
      },
    ],
    async conclude(unit, context) {
      const { project, fingerprint } = context.input;
      await releaseReservation(unit, context.id);
      unit.emit(lifecycle({ action: 'image-deleted', source: imageUrl(project, fingerprint), project, requestor: context.call.requestor }));
    },
  });
}
