import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const everyBytes = 8 * 1024 * 1024;

type Collect = (options: { type: 'minor' }) => void;

let collect: Collect | undefined;

/**
 * Gives back the memory of chunks that have passed through. V8 sees of a chunk only the small object, so a stream of large ones makes it mark the
 * whole heap again and again, which costs most of the time of an upload; collecting the young ones, where they all are, costs a hundredth.
 * @returns to be called with the size of every chunk
 */
export function youngBuffers(): (bytes: number) => void {
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < everyBytes) return;
    passed = 0;
    collect ??= minorCollection();
    collect({ type: 'minor' });
  };
}

function minorCollection(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
