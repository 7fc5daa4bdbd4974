import { lifecycle, type AsterismEvent } from '@asterism/events';
import type { CallContext } from '@asterism/rpc';
import { volumeUrl } from './volume-urls.js';

type Subject = { pool: string; project: string; type: string; name: string };

/** A lifecycle event of a volume, or of the snapshot that "volume/snapshot" names. */
export function volumeEvent(call: CallContext, action: string, subject: Subject, context?: Record<string, unknown>): AsterismEvent {
  return lifecycle({ action, source: volumeUrl(subject).replace(/\?project=.*/, ''), project: subject.project, requestor: call.requestor, ...(context ? { context } : {}) });
}
