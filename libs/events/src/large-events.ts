import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { AsterismEvent, EventKind } from './event.js';

/** An event that is longer than a message of NATS may be: its bytes lie in the stream as parts, and this goes in its place. */
export interface EventInParts {
  id: string;
  kind: EventKind;
  at: number;
  parts: number;
}

/** What headers and subject of a message may take of the server's limit. */
const headroomBytes = 16 * 1024;
const partPrefix = 'asterism.part.';

/** Parts are passed over by whoever reads the stream in order. */
export function isPart(subject: string): boolean {
  return subject.startsWith(partPrefix);
}

/** The bytes to publish for an event: itself, or what stands for it once its parts are in the stream. */
export async function published(client: JetStreamClient, event: AsterismEvent, maxPayload: number): Promise<Uint8Array> {
  const bytes = Buffer.from(JSON.stringify(event));
  const most = maxPayload - headroomBytes;
  if (bytes.length <= most) return bytes;
  const parts = Math.ceil(bytes.length / most);
  for (let part = 0; part < parts; part++) {
    await client.publish(`${partPrefix}${event.id}.${part}`, bytes.subarray(part * most, (part + 1) * most), { msgID: `${event.id}.${part}` });
  }
  return Buffer.from(JSON.stringify({ id: event.id, kind: event.kind, at: event.at, parts } satisfies EventInParts));
}

/** The event as it was published. Throws where one of its parts is not there. */
export async function whole<E extends object>(manager: JetStreamManager, stream: string, received: E | EventInParts): Promise<E> {
  if (!isInParts(received)) return received;
  const bytes: Uint8Array[] = [];
  for (let part = 0; part < received.parts; part++) {
    const message = await manager.streams.getMessage(stream, { last_by_subj: `${partPrefix}${received.id}.${part}` });
    if (!message) throw new Error(`part ${part} of event ${received.id} is gone`);
    bytes.push(message.data);
  }
  return JSON.parse(Buffer.concat(bytes).toString()) as E;
}

function isInParts(received: object): received is EventInParts {
  return 'parts' in received;
}
