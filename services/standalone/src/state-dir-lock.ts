import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Holds a state directory for this process; throws when a living server has it. */
export async function lockStateDir(stateDir: string): Promise<() => Promise<void>> {
  await mkdir(stateDir, { recursive: true, mode: 0o711 });
  const path = join(stateDir, 'asterism.pid');
  const own = `${process.pid} ${await startTime(process.pid)}\n`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(path, own, { flag: 'wx', mode: 0o644 });
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const [pid, started] = (await readFile(path, 'utf8').catch(() => '')).trim().split(' ');
    if (pid && started && (await startTime(Number(pid))) === started) throw new Error(`a server with process id ${pid} already runs on ${stateDir}`);
    await rm(path, { force: true });
  }
  throw new Error(`cannot lock ${stateDir}`);
}

/** Start time in clock ticks since boot (proc(5), stat field 22): tells a process from a later one with the same id. Empty for none, and for one that is dead but not waited for. */
async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
}
