import { closeSync, fstatSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { decodeAttach, decodeLoad, encodeAttach, encodeLoad, isSelfContained } from './bpf-wish.js';
import { check, withOnly } from './guest-place.js';
import type { InterceptedCall } from './intercepted-call.js';
import type { Verdict } from './notification.js';
import { descriptorOf } from './seqpacket.js';
import { CAP, closeAll, readMemory, type Task } from './task.js';

const libc = koffi.load('libc.so.6');
const calls = {
  bpf: libc.func('syscall', 'long', ['long', 'int', 'void *', 'uint']),
  ioctl: libc.func('int ioctl(int fd, unsigned long request, void *argument)'),
};

const SYS_BPF = process.arch === 'arm64' ? 280 : 321;
const CMD = { load: 5, attach: 8, detach: 9 } as const;
const SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103;
const O_CLOEXEC = 0o2000000;
const attrLimit = 4096n;
const licenseBytes = 128;
const mostGroups = 10_000;

/** bpf(command, attributes, size) */
export function handlePrograms(call: InterceptedCall): Verdict {
  const [command = 0n, attrAt = 0n, size = 0n] = call.notification.args;
  const cgroup = call.policy.bpfDevices;
  if (cgroup === undefined || size > attrLimit) return 'continue';
  const attr = readMemory(call.memory, attrAt, Number(size));
  const task = call.task();
  if (!task || (task.capabilities & CAP.netAdmin) === 0n || (task.capabilities & (CAP.bpf | CAP.sysAdmin)) === 0n) return 'continue';
  if (Number(command) === CMD.load) return load(call, attr);
  return Number(command) === CMD.attach || Number(command) === CMD.detach ? attach(call, task, Number(command), attr, cgroup) : 'continue';
}

/** With no more rights than such a program needs, so that the kernel examines it as that of a stranger. */
function bpf(command: number, attr: Buffer): number {
  return withOnly(CAP.bpf | CAP.netAdmin, () => check('bpf', Number(calls.bpf(SYS_BPF, command, attr, attr.length))));
}

/** Loaded from a copy, and given to the guest as a descriptor of its own. */
function load(call: InterceptedCall, attr: Buffer): Verdict {
  const wish = decodeLoad(attr);
  if (!wish) return 'continue';
  const instructions = readMemory(call.memory, wish.instructionsAt, wish.bytes);
  const license = Buffer.alloc(licenseBytes + 1);
  readMemory(call.memory, wish.licenseAt, licenseBytes).copy(license);
  if (instructions.length !== wish.bytes || !isSelfContained(instructions)) return 'continue';
  call.confirm();
  const program = bpf(CMD.load, encodeLoad(wish, BigInt(koffi.address(instructions)), BigInt(koffi.address(license))));
  try {
    return { value: give(call, program) };
  } finally {
    closeSync(program);
  }
}

function give({ notification, listener }: InterceptedCall, descriptor: number): number {
  const argument = Buffer.alloc(24);
  argument.writeBigUInt64LE(notification.id, 0);
  argument.writeUInt32LE(descriptor, 12);
  argument.writeUInt32LE(O_CLOEXEC, 20);
  return check('ioctl', calls.ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, argument) as number);
}

/** To groups below that of the container only: the one that holds it is not for it to change. */
function attach(call: InterceptedCall, { pid }: Task, command: number, attr: Buffer, cgroup: string): Verdict {
  const wish = decodeAttach(attr);
  if (!wish) return 'continue';
  const opened: number[] = [];
  const take = (descriptor: number): number => {
    const mine = descriptorOf(pid, descriptor);
    opened.push(mine);
    return mine;
  };
  try {
    const target = take(wish.target);
    const ours = { ...wish, target, program: command === CMD.detach && wish.program === 0 ? 0 : take(wish.program), replaced: wish.replaced === undefined ? undefined : take(wish.replaced) };
    call.confirm();
    const { dev, ino } = fstatSync(target, { bigint: true });
    // The kernel would let whoever has both descriptors.
    if (!isBelow(cgroup, dev, ino)) return { error: 'EPERM' };
    bpf(command, encodeAttach(ours));
    return { value: 0 };
  } finally {
    closeAll(opened);
  }
}

function isBelow(group: string, dev: bigint, ino: bigint): boolean {
  const queue = [group];
  for (let seen = 0; seen < mostGroups; seen++) {
    const parent = queue.pop();
    if (parent === undefined) return false;
    for (const entry of readdirSync(parent, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = join(parent, entry.name);
      const facts = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (facts?.ino === ino && facts.dev === dev) return true;
      queue.push(path);
    }
  }
  return false;
}
