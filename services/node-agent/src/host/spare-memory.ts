import koffi from 'koffi';

const mallocTrim = koffi.load('libc.so.6').func('int malloc_trim(size_t pad)');
const lookEveryMs = 10_000;
/** Share of a core. */
const isWork = 0.05;

/** From now on, whenever work has ended: the C library gives back what it kept of it, tens of megabytes, which it never does by itself. */
export function giveBackMemoryAtRest(): void {
  let before = performance.eventLoopUtilization();
  let hasWorked = true;
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization < isWork && hasWorked) mallocTrim.async(0, () => undefined);
    hasWorked = utilization >= isWork;
  }, lookEveryMs).unref();
}
