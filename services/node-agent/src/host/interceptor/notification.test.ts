import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { decodeNotification, encodeAnswer } from './notification.js';
import { callName } from './system-calls.js';

const header = 32;

/** As LXC's monitor sends it. */
function message({ cookie = 'c0ffee', notifBytes = 80 } = {}): Buffer {
  const bytes = Buffer.alloc(header + notifBytes + 24 + cookie.length);
  bytes.writeInt32LE(41, 8); // monitor
  bytes.writeInt32LE(42, 12); // first process
  bytes.writeUInt16LE(notifBytes, 16);
  bytes.writeUInt16LE(24, 18);
  bytes.writeUInt16LE(64, 20);
  bytes.writeBigUInt64LE(BigInt(cookie.length), 24);
  bytes.writeBigUInt64LE(0x1122334455667788n, header);
  bytes.writeUInt32LE(4711, header + 8);
  bytes.writeInt32LE(133, header + 16);
  bytes.writeUInt32LE(0xc000003e, header + 20);
  bytes.writeBigUInt64LE(0x7ffd00001000n, header + 32);
  bytes.writeBigUInt64LE(0o020666n, header + 40);
  bytes.write(cookie, bytes.length - cookie.length, 'latin1');
  return bytes;
}

describe('a notification', () => {
  it('says who calls what', () => {
    const notification = decodeNotification(message());
    expect(notification).toEqual({
      id: 0x1122334455667788n,
      pid: 4711,
      initPid: 42,
      architecture: 0xc000003e,
      number: 133,
      args: [0x7ffd00001000n, 0o020666n, 0n, 0n, 0n, 0n],
      cookie: 'c0ffee',
    });
    expect(callName(notification!.architecture, notification!.number)).toBe('mknod');
    expect(callName(0xc000003e, 14)).toBeUndefined();
    expect(callName(0x40000003, 14)).toBe('mknod');
    expect(callName(0, 133)).toBeUndefined();
  });

  it('may come from a kernel that says more', () => {
    expect(decodeNotification(message({ notifBytes: 96 }))).toMatchObject({ pid: 4711, cookie: 'c0ffee' });
  });

  it('is none when its parts do not add up', () => {
    expect(decodeNotification(Buffer.alloc(5))).toBeUndefined();
    expect(decodeNotification(message().subarray(0, -1))).toBeUndefined();
    expect(decodeNotification(message({ notifBytes: 40 }))).toBeUndefined();
    const long = message();
    long.writeBigUInt64LE(2n ** 63n, 24);
    expect(decodeNotification(long)).toBeUndefined();
  });
});

describe('an answer', () => {
  const response = (verdict: Parameters<typeof encodeAnswer>[1]): { id: bigint; value: bigint; error: number; flags: number; length: number } => {
    const answer = encodeAnswer(message(), verdict);
    const at = header + 80;
    return { id: answer.readBigUInt64LE(at), value: answer.readBigInt64LE(at + 8), error: answer.readInt32LE(at + 16), flags: answer.readUInt32LE(at + 20), length: answer.length };
  };
  const plain = { id: 0x1122334455667788n, value: 0n, error: 0, flags: 0, length: header + 80 + 24 };

  it('is a value, an error, or left to the kernel', () => {
    expect(response({ value: 7 })).toEqual({ ...plain, value: 7n });
    expect(response({ error: 'EEXIST' })).toEqual({ ...plain, error: -constants.errno.EEXIST });
    expect(response('continue')).toEqual({ ...plain, flags: 1 });
  });
});
