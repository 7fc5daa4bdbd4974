import type { Agents } from '@asterism/agents';
import type { agentImages } from '@asterism/proto';
import { defineTask, progressWords, type StepContext, type TaskDefinition } from '@asterism/tasks';
import { findByPrefix } from './image.store.js';
import type { ImageParts } from './image-parts.js';
import { concludeImage, keepSteps, type KeepImage, type KeepState } from './keep-image.js';
import { findRemote } from './remotes/find-remote.js';
import type { RemoteImage, RemoteWish } from './remotes/remote-image.js';
import { arrivalOf } from './upload.js';

export interface PullImage extends KeepImage {
  wish: RemoteWish;
}

/** Copies an image from another server; one that the project has already is left as it is. */
export function pullImageTask(parts: ImageParts): TaskDefinition<PullImage, KeepState> {
  return defineTask<PullImage, KeepState>({
    kind: 'image.pull',
    steps: [
      {
        name: 'download the image',
        async run(context) {
          await downloadImage(parts.agents, context, await findRemote(context.input.wish, context.signal));
        },
        async undo({ call, input }) {
          await parts.agents.on(input.member).images.abort(call, { upload_id: input.uploadId });
        },
      },
      ...keepSteps<PullImage>(parts),
    ],
    conclude: concludeImage,
  });
}

/** Brings a remote image to the member as an upload; what it says of itself there counts, not what its metadata.yaml says. */
export async function downloadImage(agents: Agents, context: StepContext<KeepImage, KeepState>, image: RemoteImage): Promise<void> {
  const { call, input, state, signal } = context;
  const [known] = await context.transact((unit) => findByPrefix(unit, input.owner, image.fingerprint));
  if (known) {
    state.existing = { fingerprint: known.fingerprint, size: known.size };
    return;
  }
  const parts = counted(image.parts(input.uploadId, signal), context.progress);
  const received = await agents.on(input.member).images.receive(call, parts);
  const arrival = arrivalOf(received, image.filename);
  const { architecture, properties, createdAt, expiresAt } = image;
  Object.assign(arrival.received.metadata, { architecture, properties, creation_date: createdAt, expiry_date: expiresAt });
  state.arrival = arrival;
}

type Parts = AsyncIterable<agentImages.ReceiveFrame>;

/** Tells once a second how much has come. */
async function* counted(parts: Parts, progress: (metadata: Record<string, unknown>) => void): Parts {
  const start = performance.now();
  let told = start;
  let bytes = 0;
  for await (const frame of parts) {
    if (frame.part?.$case === 'chunk') bytes += frame.part.value.length;
    if (performance.now() - told >= 1000) {
      told = performance.now();
      progress({ download_progress: `rootfs: ${progressWords(bytes, (bytes * 1000) / (told - start))}` });
    }
    yield frame;
  }
}
