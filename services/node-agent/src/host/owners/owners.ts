import { Worker } from 'node:worker_threads';
import { IdmapProbe } from './idmap-probe.js';
import type { OwnerChange } from './id-shift.js';
import { readPlan } from './owner-plan.js';

export type OwnersWork = { root: string; planFile: string } & ({ step: 'change'; change: OwnerChange } | { step: 'forward' | 'back' });
export type OwnersNews = { done: number; files: number } | { ended: true } | { failure: { code: string; message: string } };

/** Told while owners change: how many files of how many. */
export type OwnersProgress = (done: number, files: number) => void;

/** Who owns the files of trees that guests see with ids of their own. */
export interface Owners {
  /** Whether what lies at the path can be mounted with other ids than it has on disk. */
  canMap(path: string): Promise<boolean>;
  /** Writes down how a tree's owners are to change and does it. Hundreds of thousands of files take seconds. Without a plan nothing was done yet; one that is there stays. */
  change(root: string, change: OwnerChange, planFile: string, progress?: OwnersProgress): Promise<void>;
  /** What a plan is for. */
  planned(planFile: string): Promise<OwnerChange>;
  /** Does what a plan says, or takes it back; whatever of it was done before. */
  apply(root: string, planFile: string, way: 'forward' | 'back'): Promise<void>;
}

/** Threads run compiled code, also when the rest runs from its sources. */
const workerFile = new URL('./owners-worker.js', import.meta.url.replace(/\/src\/host\/owners\/([^/]*)\.ts$/, '/dist/host/owners/$1.js'));

export function hostOwners(): Owners {
  const probe = new IdmapProbe();
  return {
    canMap: (path) => probe.canMap(path),
    change: (root, change, planFile, progress) => inThread({ root, planFile, step: 'change', change }, progress),
    planned: async (planFile) => readPlan(planFile),
    apply: (root, planFile, way) => inThread({ root, planFile, step: way }),
  };
}

/** Walks hold their thread for long. */
function inThread(work: OwnersWork, progress: OwnersProgress = () => undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(workerFile, { workerData: work, trackUnmanagedFds: false, execArgv: [] });
    thread.on('message', (news: OwnersNews) => {
      if ('done' in news) progress(news.done, news.files);
      else if ('failure' in news) reject(Object.assign(new Error(news.failure.message), { code: news.failure.code }));
      else resolve();
    });
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error('The thread that changes owners ended')));
  });
}
