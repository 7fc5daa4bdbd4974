/** Programs that decide on devices: the only ones that are loaded for guests. */
const CGROUP_DEVICE_PROGRAM = 15;
const CGROUP_DEVICE_ATTACHMENT = 6;
const F_ALLOW = 0b11;
const F_REPLACE = 0b100;
const maxInstructions = 4096;
const instructionBytes = 8;
const LD_IMM64 = 0x18;
const CALL = 0x85;

/** Offsets in the kernel's union bpf_attr. */
const LOAD = { type: 0, count: 4, instructions: 8, license: 16, flags: 44, name: 48, interface: 64, attachment: 68, end: 72 } as const;
const ATTACH = { target: 0, program: 4, attachment: 8, flags: 12, replaced: 16, end: 20 } as const;

export interface LoadWish {
  /** Where they lie in the guest's memory. */
  instructionsAt: bigint;
  licenseAt: bigint;
  bytes: number;
  name: Buffer;
}

/** Undefined for what is not loaded for a guest: other programs, and whatever names a descriptor, an interface or what came after this was written. */
export function decodeLoad(given: Buffer): LoadWish | undefined {
  const attr = Buffer.alloc(Math.max(given.length, LOAD.end));
  given.copy(attr);
  const count = attr.readUInt32LE(LOAD.count);
  if (attr.readUInt32LE(LOAD.type) !== CGROUP_DEVICE_PROGRAM || count === 0 || count > maxInstructions) return undefined;
  if (attr.readUInt32LE(LOAD.flags) !== 0 || attr.readUInt32LE(LOAD.interface) !== 0 || ![0, CGROUP_DEVICE_ATTACHMENT].includes(attr.readUInt32LE(LOAD.attachment))) return undefined;
  if (attr.subarray(LOAD.end).some((byte) => byte !== 0)) return undefined;
  return {
    instructionsAt: attr.readBigUInt64LE(LOAD.instructions),
    licenseAt: attr.readBigUInt64LE(LOAD.license),
    bytes: count * instructionBytes,
    name: Buffer.from(attr.subarray(LOAD.name, LOAD.interface)),
  };
}

/** Whether no instruction names a descriptor (of a map, which would be one of ours), a variable or a function of the kernel's. */
export function isSelfContained(instructions: Buffer): boolean {
  for (let at = 0; at + instructionBytes <= instructions.length; at += instructionBytes) {
    const source = instructions[at + 1]! >> 4;
    if (instructions[at] === LD_IMM64) {
      if (source !== 0) return false;
      at += instructionBytes;
    } else if (instructions[at] === CALL && source > 1) return false;
  }
  return instructions.length % instructionBytes === 0;
}

/** The attributes to load it with here; the pointers are of this process. */
export function encodeLoad({ bytes, name }: LoadWish, instructionsAt: bigint, licenseAt: bigint): Buffer {
  const attr = Buffer.alloc(LOAD.end);
  attr.writeUInt32LE(CGROUP_DEVICE_PROGRAM, LOAD.type);
  attr.writeUInt32LE(bytes / instructionBytes, LOAD.count);
  attr.writeBigUInt64LE(instructionsAt, LOAD.instructions);
  attr.writeBigUInt64LE(licenseAt, LOAD.license);
  name.copy(attr, LOAD.name);
  return attr;
}

/** Descriptors are the guest's. */
export interface AttachWish {
  target: number;
  program: number;
  flags: number;
  replaced: number | undefined;
}

/** For attaching and detaching; undefined for other attachments. */
export function decodeAttach(given: Buffer): AttachWish | undefined {
  const attr = Buffer.alloc(Math.max(given.length, ATTACH.end));
  given.copy(attr);
  const flags = attr.readUInt32LE(ATTACH.flags);
  if (attr.readUInt32LE(ATTACH.attachment) !== CGROUP_DEVICE_ATTACHMENT || (flags & ~(F_ALLOW | F_REPLACE)) !== 0 || attr.subarray(ATTACH.end).some((byte) => byte !== 0)) return undefined;
  return {
    target: attr.readUInt32LE(ATTACH.target),
    program: attr.readUInt32LE(ATTACH.program),
    flags,
    replaced: (flags & F_REPLACE) === 0 ? undefined : attr.readUInt32LE(ATTACH.replaced),
  };
}

/** Descriptors are ours. */
export function encodeAttach({ target, program, flags, replaced }: AttachWish): Buffer {
  const attr = Buffer.alloc(ATTACH.end);
  attr.writeUInt32LE(target, ATTACH.target);
  attr.writeUInt32LE(program, ATTACH.program);
  attr.writeUInt32LE(CGROUP_DEVICE_ATTACHMENT, ATTACH.attachment);
  attr.writeUInt32LE(flags, ATTACH.flags);
  attr.writeUInt32LE(replaced ?? 0, ATTACH.replaced);
  return attr;
}
