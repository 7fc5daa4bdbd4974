import { parentPort, workerData } from 'node:worker_threads';
import type { OwnersNews, OwnersWork } from './owners.js';
import { applyPlan, writePlan } from './owner-plan.js';

/** The thread behind `Owners`: one piece of work, then its end. */
const { root, planFile, ...work } = workerData as OwnersWork;
const tell = (news: OwnersNews): void => parentPort!.postMessage(news);

try {
  const files = work.step === 'change' ? writePlan(root, work.change, planFile) : 0;
  applyPlan(root, planFile, work.step === 'back' ? 'back' : 'forward', (done) => tell({ done, files }));
  tell({ ended: true });
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  tell({ failure: { code: code ?? 'EIO', message } });
}
