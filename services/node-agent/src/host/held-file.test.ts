import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { spawn } from './commands.js';
import { holdFile } from './held-file.js';

async function text(output: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of output) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('a held file', () => {
  it('keeps its reader waiting until it is finished', async () => {
    const held = holdFile('key');
    const reader = spawn(['cat', held.path]);
    const read = text(reader.stdout);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(existsSync(`/proc/${reader.pid}`)).toBe(true);
    held.finish(' = value');
    expect(await read).toBe('key = value');
    held.close();
  });

  it('ends where it is when it is closed, and is gone', async () => {
    const held = holdFile('key');
    const reader = spawn(['cat', held.path]);
    const read = text(reader.stdout);
    await new Promise((resolve) => setTimeout(resolve, 50));
    held.close();
    held.close();
    held.finish('late');
    expect(await read).toBe('key');
    expect(spawnSync('cat', [held.path]).status).not.toBe(0);
  });
});
