import { constants } from 'node:os';

// What LXC's monitor sends to its seccomp proxy: a header, the kernel's seccomp_notif and seccomp_notif_resp with the sizes that the header says, and
// the cookie of the container's configuration. The answer is the same without the cookie. Source: lxc 5.0 src/lxc/lxcseccomp.h, linux/seccomp.h.

const HEADER_BYTES = 32;
const NOTIFICATION_BYTES = 80;
const RESPONSE_BYTES = 24;
const USER_NOTIF_FLAG_CONTINUE = 1;

/** One system call that a guest's thread waits in. */
export interface Notification {
  /** Of the host's kernel; names this call as long as its thread waits. */
  id: bigint;
  /** The thread, as the host sees it. */
  pid: number;
  /** The container's first process, as the host sees it. */
  initPid: number;
  /** AUDIT_ARCH_*: which table the number is of. */
  architecture: number;
  number: number;
  args: readonly bigint[];
  /** What the container's configuration says of itself. */
  cookie: string;
}

/** How a call ends: the kernel does it after all, as if nobody had looked; or it is done, with a value; or it failed. */
export type Verdict = 'continue' | { value: number } | { error: keyof typeof constants.errno };

/** Undefined for a message that is none. */
export function decodeNotification(message: Buffer): Notification | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const notificationBytes = message.readUInt16LE(16);
  const responseBytes = message.readUInt16LE(18);
  const cookieBytes = Number(message.readBigUInt64LE(24));
  if (notificationBytes < NOTIFICATION_BYTES || responseBytes < RESPONSE_BYTES || message.length !== HEADER_BYTES + notificationBytes + responseBytes + cookieBytes) return undefined;
  const notif = message.subarray(HEADER_BYTES);
  return {
    id: notif.readBigUInt64LE(0),
    pid: notif.readUInt32LE(8),
    initPid: message.readInt32LE(12),
    number: notif.readInt32LE(16),
    architecture: notif.readUInt32LE(20),
    args: [0, 1, 2, 3, 4, 5].map((index) => notif.readBigUInt64LE(32 + 8 * index)),
    cookie: message.toString('latin1', message.length - cookieBytes),
  };
}

/** The answer to a message that `decodeNotification` took. */
export function encodeAnswer(message: Buffer, verdict: Verdict): Buffer {
  const notificationBytes = message.readUInt16LE(16);
  const answer = Buffer.from(message.subarray(0, HEADER_BYTES + notificationBytes + message.readUInt16LE(18)));
  answer.fill(0, 0, 8);
  const response = answer.subarray(HEADER_BYTES + notificationBytes).fill(0);
  message.copy(response, 0, HEADER_BYTES, HEADER_BYTES + 8);
  if (verdict === 'continue') response.writeUInt32LE(USER_NOTIF_FLAG_CONTINUE, 20);
  else if ('error' in verdict) response.writeInt32LE(-constants.errno[verdict.error], 16);
  else response.writeBigInt64LE(BigInt(verdict.value), 8);
  return answer;
}
