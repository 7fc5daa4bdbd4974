import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@asterism/telemetry';

const againMs = 500;
const sayEveryMs = 10_000;

/** Tries again what needs `whom` until it succeeds, and says now and then for whom it waits. What `isWorthIt` denies is thrown. */
export async function waitingFor<T>(whom: string, attempt: () => Promise<T>, isWorthIt: (error: unknown) => boolean, pauseMs = againMs): Promise<T> {
  const logger = createLogger('start');
  let said: number | undefined;
  for (;;) {
    try {
      const answer = await attempt();
      if (said !== undefined) logger.info(`${whom} is there`);
      return answer;
    } catch (error) {
      if (!isWorthIt(error)) throw error;
      if (said === undefined || performance.now() - said >= sayEveryMs) {
        logger.warn(`waiting for ${whom}: ${error instanceof Error ? error.message : String(error)}`);
        said = performance.now();
      }
      await sleep(pauseMs);
    }
  }
}
