import { parentPort } from 'node:worker_threads';
import { performGuestRequest, type GuestRequest, type GuestRoot } from './guest-file-operations.js';

/** The thread behind GuestFiles: "ready" once, then one request at a time, one answer each. */
parentPort!.on('message', ({ guest, request }: { guest: GuestRoot; request: GuestRequest }) => {
  try {
    parentPort!.postMessage({ answer: performGuestRequest(guest, request) });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    parentPort!.postMessage({ failure: { code: code ?? 'EIO', message } });
  }
});
parentPort!.postMessage('ready');
