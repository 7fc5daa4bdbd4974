const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;

/** Harmless everywhere: what the reference makes for guests, by major and minor. */
const allowed = new Set([
  '0:0', // whiteout of an overlay
  '5:1', // console
  '1:7', // full
  '1:3', // null
  '1:8', // random
  '5:0', // tty
  '1:9', // urandom
  '1:5', // zero
]);

/** @param device as the system call takes it, in the kernel's 32-bit form */
export function deviceNumber(device: bigint): { major: number; minor: number } {
  const number = Number(device & 0xffffffffn);
  return { major: (number >>> 8) & 0xfff, minor: (number & 0xff) | ((number >>> 12) & 0xfff00) };
}

/** Whether the host makes this node for a guest; everything else is left to the kernel, which refuses it. */
export function mayMakeNode(mode: number, device: bigint): boolean {
  const { major, minor } = deviceNumber(device);
  return (mode & S_IFMT) === S_IFCHR && allowed.has(`${major}:${minor}`);
}
