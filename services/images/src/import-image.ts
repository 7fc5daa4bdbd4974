import { defineTask, type TaskDefinition } from '@asterism/tasks';
import type { ImageParts } from './image-parts.js';
import { concludeImage, keepSteps, type KeepImage, type KeepState } from './keep-image.js';
import type { Arrival } from './upload.js';

export interface ImportImage extends KeepImage {
  arrival: Arrival;
}

/** Turns a received upload into an image of the project. */
export function importImageTask(parts: ImageParts): TaskDefinition<ImportImage, KeepState> {
  return defineTask<ImportImage, KeepState>({
    kind: 'image.import',
    initial: ({ arrival }) => ({ arrival }),
    steps: keepSteps<ImportImage>(parts),
    conclude: concludeImage,
  });
}
