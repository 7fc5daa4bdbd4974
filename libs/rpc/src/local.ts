import { fromUnknown } from '@asterism/errors';
import type { CallContext } from './call-context.js';
import { onBehalfOf } from './current-call.js';
import type { Service, ServiceDefinition } from './definition.js';
import { watched, type Work } from './watch.js';

type AnyMethod = (call: CallContext, request: unknown) => unknown;

/**
 * Binds a service to a handler in this process. Messages are cloned both ways and errors are the wire's (LxdError), so
 * nothing can come to rely on shared objects; streams are passed as they are.
 */
export function local<D extends ServiceDefinition>(definition: D, handler: Service<D>): Service<D> {
  const bound: Record<string, AnyMethod> = {};
  for (const [name, method] of Object.entries(definition.methods)) {
    const call = (context: CallContext, request: unknown): unknown => {
      const implementation = (handler as unknown as Record<string, AnyMethod>)[name];
      if (!implementation) throw new Error(`${definition.fullName}/${name} has no handler`);
      return onBehalfOf(context, () => implementation.call(handler, context, method.requestStream ? request : cloneMessage(request)));
    };
    const work: Work = { kind: 'call', name: `${definition.fullName}/${method.name}` };
    bound[name] = method.responseStream
      ? (context, request) => relay(() => call(context, request) as AsyncIterable<unknown>)
      : async (context, request) => {
          try {
            return cloneMessage(await watched(work, context, (own) => call(own, request) as Promise<unknown>));
          } catch (error) {
            throw fromUnknown(error);
          }
        };
  }
  return bound as unknown as Service<D>;
}

async function* relay(open: () => AsyncIterable<unknown>): AsyncIterable<unknown> {
  try {
    yield* open();
  } catch (error) {
    throw fromUnknown(error);
  }
}

/** Plain message objects only: deep-copies objects and arrays, shares byte arrays (treated as immutable everywhere). */
function cloneMessage(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(cloneMessage);
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = cloneMessage((value as Record<string, unknown>)[key]);
  return copy;
}
