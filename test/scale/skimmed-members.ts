import { cluster } from '@asterism/proto';

/** What a simulated member wants of the roll. */
export interface SkimmedMembers {
  count: number;
  version: string;
  unchanged: boolean;
}

/**
 * Reads a message `Members` without the members in it: a thousand real members read it on a thousand processors, the simulated ones share one.
 */
function skim(bytes: Buffer): SkimmedMembers {
  const skimmed: SkimmedMembers = { count: 0, version: '', unchanged: false };
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const length = varint();
    if ((tag & 7) === 0) {
      if (tag >> 3 === 4) skimmed.unchanged = length !== 0;
      continue;
    }
    if (tag >> 3 === 1) skimmed.count++;
    if (tag >> 3 === 3) skimmed.version = bytes.toString('utf8', at, at + length);
    at += length;
  }
  return skimmed;
}

const { listMembers } = cluster.ClusterDefinition.methods;

/** The one call, with an answer that is skimmed. */
export const memberRollDefinition = {
  ...cluster.ClusterDefinition,
  methods: { listMembers: { ...listMembers, responseType: { encode: cluster.Members.encode, decode: (bytes: Uint8Array): SkimmedMembers => skim(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) } } },
} as const;
