import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { handleCall, type Descriptors } from './intercepted-call.js';
import { settleIn } from './guest-place.js';
import { decodeNotification, type Verdict } from './notification.js';
import { isCookie, type InterceptionPolicy } from './policy.js';

// One call of one guest at a time; whatever a guest lets hang here hangs this thread and no other.

const { policies } = workerData as { policies: string };
settleIn();

parentPort!.on('message', ({ message, descriptors }: { message: Uint8Array; descriptors: Descriptors }) => {
  let verdict: Verdict = 'continue';
  try {
    const notification = decodeNotification(Buffer.from(message));
    const policy = notification && readPolicy(notification.cookie);
    if (notification && policy) verdict = handleCall(notification, descriptors, policy, policies);
  } catch (error) {
    process.stderr.write(`${String((error as Error).stack)}\n`);
  }
  for (const descriptor of Object.values(descriptors)) closeSync(descriptor as number);
  parentPort!.postMessage(verdict);
});

/** As it is now: what the agent changes holds for the next call. */
function readPolicy(cookie: string): InterceptionPolicy | undefined {
  if (!isCookie(cookie)) return undefined;
  try {
    return JSON.parse(readFileSync(join(policies, cookie), 'utf8')) as InterceptionPolicy;
  } catch {
    return undefined;
  }
}
