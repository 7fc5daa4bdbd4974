import { LxdError } from '@asterism/errors';

const logName = /^(lxc\.log|lxc\.conf|qemu\.log|qemu\.conf|(migration_|snapshot_)[A-Za-z0-9_.-]+|exec_[A-Za-z0-9_-]+\.(stdout|stderr))$/;

/** Log files that the API shows; everything else in the directory does not exist for it. */
export function isLogName(name: string): boolean {
  return logName.test(name) && !name.includes('..');
}

export function requireLogName(name: string): void {
  if (!isLogName(name)) throw new LxdError('bad-request', 'log file name not valid');
}
