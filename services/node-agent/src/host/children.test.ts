import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChild } from './children.js';
import { exec, spawn } from './commands.js';
import { sealedProgram } from './sealed-programs.js';
import { keepDescriptorsHere } from './syscalls.js';
import { openTerminal, type Terminal } from './terminals.js';

let directory: string;
beforeAll(() => {
  keepDescriptorsHere();
  directory = mkdtempSync(join(tmpdir(), 'asterism-children-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const silent = { descriptors: ['/dev/null', '/dev/null', '/dev/null'], env: process.env } as const;

describe('a child', () => {
  it('has its three descriptors and none of the agent’s', async () => {
    const { stdout } = await exec(['sh', '-c', 'ls /proc/$$/fd']);
    expect(stdout.trim().split('\n')).toEqual(['0', '1', '2']);
  });
  it('blocks and ignores no signal', async () => {
    const { stdout } = await exec(['grep', '-E', 'Sig(Blk|Ign)', '/proc/self/status']);
    expect(stdout).toMatch(/^SigBlk:\t0+\nSigIgn:\t0+\n$/);
  });
  it('runs where and with what it is told', async () => {
    expect((await exec(['sh', '-c', 'echo $PWD $GREETING'], { cwd: directory, env: { GREETING: 'hello' } })).stdout).toBe(`${directory} hello\n`);
  });
  it('tells how it ended, each of many', async () => {
    const children = [...Array(30).keys()].map((code) => startChild(['sh', '-c', `exit ${code}`], silent));
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([...Array(30).keys()].map((code) => ({ code, signal: null })));
  });
  it('is ended by a signal, and is nobody to be told anything afterwards', async () => {
    const child = startChild(['sleep', '60'], silent);
    child.kill();
    expect(await child.ended).toEqual({ code: null, signal: 'SIGTERM' });
    child.kill('SIGKILL');
  });
  it('is killed when its caller gives up', async () => {
    const giveUp = new AbortController();
    const child = spawn(['sleep', '60'], { signal: giveUp.signal });
    giveUp.abort();
    await expect(child.succeeded()).rejects.toThrow('aborted');
    await expect(exec(['true'], { signal: giveUp.signal })).rejects.toThrow('aborted');
  });
  it('may open its standard streams again by name', async () => {
    expect((await exec(['sh', '-c', 'cat /dev/stdin > /dev/stdout'], { input: 'through' })).stdout).toBe('through');
  });
});

describe('a terminal', () => {
  const text = async (terminal: Terminal, begun: () => void = () => undefined): Promise<string> => {
    const chunks: Buffer[] = [];
    for await (const chunk of terminal.output) if (chunks.push(chunk) === 1) begun();
    return Buffer.concat(chunks).toString();
  };
  it('is the one of the command’s session', async () => {
    const terminal = await openTerminal(['sh', '-c', 'tty; ps -o tty= -p $$; stty size < /dev/tty'], { columns: 90, rows: 20, env: process.env as Record<string, string> });
    expect(await text(terminal)).toMatch(/^\/dev\/pts\/(\d+)\r\npts\/\1\s*\r\n20 90\r\n$/);
    expect(await terminal.ended).toEqual({ code: 0, signal: null });
  });
  it('carries much in both directions', async () => {
    const terminal = await openTerminal(['sh', '-c', 'stty -echo raw; echo ready; head -c 200000 | wc -c; head -c 300000 /dev/zero'], { columns: 0, rows: 0, env: process.env as Record<string, string> });
    const all = await text(terminal, () => terminal.write(Buffer.alloc(200_000, 'x')));
    expect(all).toMatch(/^ready\r?\n200000\n/);
    expect(all.length).toBeGreaterThan(300_000);
  });
  it('is refused for a command that does not exist', async () => {
    await expect(openTerminal(['no-such-command'], { columns: 0, rows: 0 })).rejects.toThrow('executable file not found');
  });
});

describe('a sealed program', () => {
  it('is a copy that nobody can write, and a new one once the program is another', async () => {
    const before = process.env['PATH'];
    process.env['PATH'] = `${directory}:${before}`;
    try {
      writeFileSync(join(directory, 'greet'), readFileSync('/bin/echo'), { mode: 0o755 });
      const first = sealedProgram('greet');
      expect(sealedProgram('greet')).toBe(first);
      expect((await exec(['greet', 'hello'], { sealed: true })).stdout).toBe('hello\n');
      expect(() => writeFileSync(first, 'other')).toThrow(/EPERM|EACCES/);
      writeFileSync(join(directory, 'greet'), readFileSync('/bin/cat'), { mode: 0o755 });
      expect((await exec(['greet'], { sealed: true, input: 'a cat now' })).stdout).toBe('a cat now');
    } finally {
      process.env['PATH'] = before;
    }
  });
});
