/** Whether something failed because a disk, or a quota on it, is full: by its code, or by the words of the program that met it. */
export function isNoRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' || noRoom.test(error.message);
}

/** tar tells a write that was cut short by its length only. */
const noRoom = /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT|Wrote only \d+ of \d+ bytes/;
