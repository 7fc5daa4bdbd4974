import type { Agents } from '@asterism/agents';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import { defineTask, type StepContext, type TaskDefinition } from '@asterism/tasks';
import { knownArchitecture } from './architectures.js';
import { isShared, lockFingerprint, makeUsable, releaseReservation, reserveImage, type NewImage } from './image.store.js';
import { imageUrl } from './image-project.js';
import type { Arrival } from './upload.js';

export interface ImportImage {
  uploadId: string;
  member: string;
  /** Project that the request named, and the one whose images it uses. */
  project: string;
  owner: string;
  arrival: Arrival;
  public: boolean;
  properties: Record<string, string>;
}

/** Turns a received upload into an image of the project. Whatever fails, neither row nor file is left. */
export function importImageTask(agents: Agents): TaskDefinition<ImportImage, object> {
  const filesOf = (input: ImportImage) => agents.on(input.member).images;
  return defineTask<ImportImage, object>({
    kind: 'image.import',
    steps: [
      {
        name: 'reserve the fingerprint',
        async run(context) {
          const image = newImage(context.input);
          context.result(resultOf(image));
          const reserved = await context.transact(async (unit) => {
            await lockFingerprint(unit, image.fingerprint);
            return reserveImage(unit, context.id, image);
          });
          if (!reserved) throw new LxdError('conflict', 'Image with same fingerprint already exists');
        },
        async undo(context) {
          await context.transact((unit) => releaseReservation(unit, context.id));
          await filesOf(context.input).abort(context.call, { upload_id: context.input.uploadId });
        },
      },
      {
        name: 'keep the files',
        async run(context) {
          await filesOf(context.input).commit(context.call, { upload_id: context.input.uploadId, fingerprint: newImage(context.input).fingerprint });
        },
        async undo(context) {
          const { fingerprint } = newImage(context.input);
          await context.transact(async (unit) => {
            await lockFingerprint(unit, fingerprint);
            if (!(await isShared(unit, fingerprint, context.id))) await filesOf(context.input).delete(context.call, { fingerprint });
          });
        },
      },
    ],
    async conclude(unit, context) {
      const image = newImage(context.input);
      context.result(resultOf(image));
      await makeUsable(unit, context.id, { fingerprint: image.fingerprint, member: context.input.member });
      unit.emit(created(context, image));
    },
  });
}

function created(context: StepContext<ImportImage, object>, image: NewImage) {
  const { project } = context.input;
  const source = imageUrl(project, image.fingerprint);
  return lifecycle({ action: 'image-created', source, project, requestor: context.call.requestor, context: { type: image.type } });
}

function resultOf(image: NewImage): Record<string, unknown> {
  return { fingerprint: image.fingerprint, size: String(image.size) };
}

/** The row of an image that arrived; throws, in LXD's words, where what arrived is none. */
export function newImage(input: ImportImage): NewImage {
  if ('refused' in input.arrival) throw new LxdError(input.arrival.refused.kind, input.arrival.refused.message);
  const { received, filename } = input.arrival;
  const { metadata } = received;
  if (!knownArchitecture(metadata.architecture)) throw new LxdError('bad-request', `Architecture isn't supported: ${metadata.architecture}`);
  if (metadata.creation_date === 0) throw new LxdError('bad-request', 'Missing creation date');
  if (received.type === '') throw new LxdError('bad-request', 'Invalid instance type');
  return {
    project: input.owner,
    fingerprint: received.fingerprint,
    filename,
    size: received.size,
    public: input.public,
    auto_update: false,
    architecture: metadata.architecture,
    type: received.type,
    created_at: metadata.creation_date,
    expires_at: metadata.expiry_date,
    properties: { ...metadata.properties, ...input.properties },
    profiles: ['default'],
  };
}
