import { describe, expect, it } from 'vitest';
import { readOptions } from './options.js';
import { measureScale } from './scale.js';

describe('simulated members', () => {
  it('have what the control plane makes on them, and answer for it', async () => {
    const lines: string[] = [];
    const options = { ...readOptions(['--members', '8', '--instances', '200', '--created', '40', '--rest', '1']), silence: false };
    await measureScale(options, (line) => lines.push(line));
    const { simulated } = JSON.parse(lines.at(-1)!) as { simulated: { members: number; instances: number } };
    expect(simulated).toMatchObject({ members: 8, instances: 210 });
  }, 180_000);
});
