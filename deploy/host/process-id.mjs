// Processes told apart from later ones with the same id.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Clock ticks since boot at which a process started (proc(5)); undefined where there is none, or only its remains. */
export function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Those of a file's lines "pid start-time" that still run. */
export function running(path) {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const known = text.split('\n').map((line) => line.trim().split(' ')).filter(([pid, started]) => pid && started);
  return known.filter(([pid, started]) => startTime(pid) === started).map(([pid, started]) => ({ pid: Number(pid), started }));
}

/** Asks a process to end and waits for it; false where it has not after the time given. */
export async function ended({ pid, started }, withinMs, signal = 'SIGTERM') {
  if (startTime(pid) !== started) return true;
  process.kill(pid, signal);
  for (const deadline = Date.now() + withinMs; startTime(pid) === started; await sleep(50)) if (Date.now() > deadline) return false;
  return true;
}
