import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineTask } from './definition.js';
import { FailPoints } from './fail-points.js';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'asterism-fail-points-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('fail points', () => {
  it('come true in their order, each once', async () => {
    const points = new FailPoints(directory);
    points.reach('thing.make', 'before step');
    await writeFile(join(directory, 'armed'), 'thing.make\tbefore step\tfail\nthing.make\tbefore step\tfail\n');
    points.reach('thing.make', 'after step');
    points.reach('thing.mend', 'before step');
    for (let time = 0; time < 2; time++) expect(() => points.reach('thing.make', 'before step')).toThrow('Fail point "before step"');
    points.reach('thing.make', 'before step');
  });

  it('are told of each kind', async () => {
    new FailPoints(directory).describe(defineTask({ kind: 'thing.make', steps: [{ name: 'step', run: async () => undefined, undo: async () => undefined }] }));
    expect(JSON.parse(await readFile(join(directory, 'kinds', 'thing.make'), 'utf8'))).toEqual({
      kind: 'thing.make',
      steps: [{ name: 'step', undo: true }],
      ends: ['accepted', 'before the end', 'operation closed', 'after the end'],
    });
  });
});
