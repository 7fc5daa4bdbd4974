import type { Unit } from '@asterism/database';
import { LxdError } from '@asterism/errors';
import { lifecycle } from '@asterism/events';
import type { Step, StepContext } from '@asterism/tasks';
import { findAlias, insertAlias } from './alias.store.js';
import { knownArchitecture } from './architectures.js';
import type { UpdateSource } from './image.js';
import { aliasUrl, imageUrl, requireStaying } from './image-project.js';
import type { ImageParts } from './image-parts.js';
import { isShared, lockFingerprint, makeUsable, releaseReservation, reserveImage, type NewImage } from './image.store.js';
import type { Arrival } from './upload.js';

/** What every way to a new image ends with. */
export interface KeepImage {
  uploadId: string;
  member: string;
  /** Project that the request named, and the one whose images it uses. */
  project: string;
  owner: string;
  public: boolean;
  /** Added to those of metadata.yaml. */
  properties: Record<string, string>;
  aliases: { name: string; description: string }[];
  profiles: string[];
  autoUpdate: boolean;
  cached: boolean;
  /** Unix seconds where they are not those of metadata.yaml. */
  createdAt: number | undefined;
  expiresAt: number | undefined;
  updateSource: UpdateSource | undefined;
  /** LXD words a taken fingerprint in two ways. */
  takenWords: 'Image with same fingerprint already exists' | 'The image already exists';
}

export interface KeepState {
  /** Set by the step before. */
  arrival?: Arrival;
  /** Instead of an arrival: the project has the image already, and that is fine. */
  existing?: { fingerprint: string; size: number };
}

type Context<I> = StepContext<I & KeepImage, KeepState>;

/** The last steps of a new image: from an upload on a member to files and a row. Whatever fails, neither is left. */
export function keepSteps<I>({ agents, projects }: ImageParts): Step<I & KeepImage, KeepState>[] {
  const filesOf = (context: Context<I>) => agents.on(context.input.member).images;
  return [
    {
      name: 'reserve the fingerprint',
      async run(context) {
        if (context.state.existing) return;
        const image = newImage(context.input, context.state.arrival);
        context.result(resultOf(image));
        await context.transact((unit) => reserve(unit, context, image));
      },
      async undo(context) {
        await context.transact((unit) => releaseReservation(unit, context.id));
        await filesOf(context).abort(context.call, { upload_id: context.input.uploadId });
      },
    },
    {
      name: 'keep the files',
      async run(context) {
        if (context.state.existing) return;
        const { fingerprint } = newImage(context.input, context.state.arrival);
        await requireStaying(context.call, projects, context.input.owner);
        await filesOf(context).commit(context.call, { upload_id: context.input.uploadId, fingerprint });
      },
      async undo(context) {
        if (context.state.existing) return;
        const { fingerprint } = newImage(context.input, context.state.arrival);
        await context.transact(async (unit) => {
          await lockFingerprint(unit, fingerprint);
          if (!(await isShared(unit, fingerprint, context.id))) await filesOf(context).delete(context.call, { fingerprint });
        });
      },
    },
  ];
}

/** Commits with the end of the task: from now on the image can be used. */
export async function concludeImage<I>(unit: Unit, context: Context<I>): Promise<void> {
  const { project, owner, aliases } = context.input;
  const { requestor } = context.call;
  const image = context.state.existing ?? (await admitImage(unit, context));
  context.result(resultOf(image));
  for (const { name, description } of aliases) {
    if (await findAlias(unit, { project: owner, name })) throw new LxdError('conflict', `Alias already exists: ${name}`);
    await insertAlias(unit, { project: owner, name }, { description, target: image.fingerprint });
    const source = aliasUrl(project, name);
    unit.emit(lifecycle({ action: 'image-alias-created', source, project, requestor, context: { target: image.fingerprint } }));
  }
}

async function admitImage<I>(unit: Unit, context: Context<I>): Promise<NewImage> {
  const { project, member } = context.input;
  const image = newImage(context.input, context.state.arrival);
  await makeUsable(unit, context.id, { fingerprint: image.fingerprint, member });
  const source = imageUrl(project, image.fingerprint);
  unit.emit(lifecycle({ action: 'image-created', source, project, requestor: context.call.requestor, context: { type: image.type } }));
  return image;
}

async function reserve(unit: Unit, context: { id: string; input: KeepImage }, image: NewImage): Promise<void> {
  const { owner, aliases, takenWords } = context.input;
  await lockFingerprint(unit, image.fingerprint);
  for (const { name } of aliases) {
    if (await findAlias(unit, { project: owner, name })) throw new LxdError('conflict', `Alias already exists: ${name}`);
  }
  if (await reserveImage(unit, context.id, image)) return;
  throw new LxdError('conflict', takenWords === 'The image already exists' ? `${takenWords}: ${image.fingerprint}` : takenWords);
}

function resultOf(image: { fingerprint: string; size: number }): Record<string, unknown> {
  return { fingerprint: image.fingerprint, size: String(image.size) };
}

/** The row of an image that arrived; throws, in LXD's words, where what arrived is none. */
function newImage(input: KeepImage, arrival: Arrival | undefined): NewImage {
  if (!arrival) throw new LxdError('internal', 'No image has arrived');
  if ('refused' in arrival) throw new LxdError(arrival.refused.kind, arrival.refused.message);
  const { received, filename } = arrival;
  const { metadata } = received;
  const architecture = knownArchitecture(metadata.architecture);
  if (!architecture) throw new LxdError('bad-request', `Architecture isn't supported: ${metadata.architecture}`);
  if (metadata.creation_date === 0) throw new LxdError('bad-request', 'Missing creation date');
  if (received.type === '') throw new LxdError('bad-request', 'Invalid instance type');
  return {
    project: input.owner,
    fingerprint: received.fingerprint,
    filename,
    size: received.size,
    public: input.public,
    auto_update: input.autoUpdate,
    cached: input.cached,
    architecture,
    type: received.type,
    created_at: input.createdAt ?? metadata.creation_date,
    expires_at: input.expiresAt ?? metadata.expiry_date,
    properties: { ...metadata.properties, ...input.properties },
    profiles: input.profiles,
    update_source: input.updateSource,
  };
}
