import { lifecycle, type AsterismEvent } from '@asterism/events';
import type { CallContext } from '@asterism/rpc';
import { networkUrl } from './network-document.js';
import type { NetworkRow } from './network.store.js';

type Action = 'network-created' | 'network-updated' | 'network-renamed' | 'network-deleted';

export function networkEvent(call: CallContext, action: Action, network: Pick<NetworkRow, 'project' | 'name'>, context?: Record<string, unknown>): AsterismEvent {
  return lifecycle({ action, source: networkUrl(network), project: network.project, requestor: call.requestor, context });
}
