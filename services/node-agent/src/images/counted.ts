import type { agentImages } from '@asterism/proto';
import type { Count } from '@asterism/service';

/** The same frames; tells of each one's bytes. */
export async function* counted(frames: AsyncIterable<agentImages.ReceiveFrame>, count: Count | undefined): AsyncGenerator<agentImages.ReceiveFrame> {
  for await (const frame of frames) {
    if (frame.part?.$case === 'chunk') count?.(frame.part.value.length);
    yield frame;
  }
}
