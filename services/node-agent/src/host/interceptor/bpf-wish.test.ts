import { describe, expect, it } from 'vitest';
import { decodeAttach, decodeLoad, encodeAttach, encodeLoad, isSelfContained } from './bpf-wish.js';

function loadAttr(change: { type?: number; count?: number; flags?: number; interface?: number; attachment?: number; tail?: number } = {}): Buffer {
  const attr = Buffer.alloc(120);
  attr.writeUInt32LE(change.type ?? 15, 0);
  attr.writeUInt32LE(change.count ?? 2, 4);
  attr.writeBigUInt64LE(0x1000n, 8);
  attr.writeBigUInt64LE(0x2000n, 16);
  attr.writeUInt32LE(1, 24); // a log is wanted
  attr.writeUInt32LE(change.flags ?? 0, 44);
  attr.write('devices', 48);
  attr.writeUInt32LE(change.interface ?? 0, 64);
  attr.writeUInt32LE(change.attachment ?? 6, 68);
  attr.writeUInt32LE(change.tail ?? 0, 72);
  return attr;
}

const instruction = (opcode: number, source: number, immediate = 0): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes[0] = opcode;
  bytes[1] = source << 4;
  bytes.writeInt32LE(immediate, 4);
  return bytes;
};
const exit = instruction(0x95, 0);

describe('a program', () => {
  it('that decides on devices is loaded, with nothing of what the guest points at', () => {
    const wish = decodeLoad(loadAttr());
    expect(wish).toMatchObject({ instructionsAt: 0x1000n, licenseAt: 0x2000n, bytes: 16 });
    const attr = encodeLoad(wish!, 0xaaaan, 0xbbbbn);
    expect([attr.readUInt32LE(0), attr.readUInt32LE(4), attr.readBigUInt64LE(8), attr.readBigUInt64LE(16), attr.readUInt32LE(24), attr.toString('latin1', 48, 55)]).toEqual([15, 2, 0xaaaan, 0xbbbbn, 0, 'devices']);
    expect(decodeLoad(loadAttr().subarray(0, 48))).toBeDefined();
  });

  it.each([{ type: 1 }, { type: 8 }, { count: 0 }, { count: 4097 }, { flags: 2 }, { interface: 1 }, { attachment: 1 }, { tail: 3 }])('of another kind is not: %o', (change) => {
    expect(decodeLoad(loadAttr(change))).toBeUndefined();
  });

  it('names no descriptor', () => {
    expect(isSelfContained(Buffer.concat([instruction(0xb7, 0, 1), exit]))).toBe(true);
    expect(isSelfContained(Buffer.concat([instruction(0x18, 0), instruction(0, 0), instruction(0x85, 0, 5), instruction(0x85, 1, 1), exit]))).toBe(true);
    for (const source of [1, 2, 3, 4, 5, 6]) expect(isSelfContained(Buffer.concat([instruction(0x18, source, 3), instruction(0, 0), exit]))).toBe(false);
    expect(isSelfContained(Buffer.concat([instruction(0x85, 2, 3), exit]))).toBe(false);
    // What looks like the second half of a constant is none.
    expect(isSelfContained(Buffer.concat([instruction(0x18, 0), instruction(0x18, 1), instruction(0x18, 1), instruction(0, 0)]))).toBe(false);
    expect(isSelfContained(Buffer.alloc(9))).toBe(false);
  });
});

describe('an attachment', () => {
  const attr = (...words: number[]): Buffer => {
    const bytes = Buffer.alloc(words.length * 4);
    words.forEach((word, index) => bytes.writeUInt32LE(word, index * 4));
    return bytes;
  };
  it('is that of devices to a group', () => {
    expect(decodeAttach(attr(7, 8, 6, 2))).toEqual({ target: 7, program: 8, flags: 2, replaced: undefined });
    expect(decodeAttach(attr(7, 8, 6, 6, 9))).toEqual({ target: 7, program: 8, flags: 6, replaced: 9 });
    expect(encodeAttach({ target: 1, program: 2, flags: 6, replaced: 3 })).toEqual(attr(1, 2, 6, 6, 3));
  });
  it('is no other', () => {
    expect(decodeAttach(attr(7, 8, 0, 2))).toBeUndefined();
    expect(decodeAttach(attr(7, 8, 6, 8))).toBeUndefined();
    expect(decodeAttach(attr(7, 8, 6, 2, 0, 1))).toBeUndefined();
  });
});
