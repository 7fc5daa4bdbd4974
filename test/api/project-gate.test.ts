import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { Run } from '../differential/runner.js';
import { parseScript } from '../differential/script.js';
import type { Operation } from '../http/client.js';
import { cells, epilogue, material, prelude, type Cell } from '../restrictions/paths.js';
import { elsewhere, firstRows, guarding, rows } from '../restrictions/rows.js';
import { scenario } from './scenario.js';

const test = scenario();
const project = 'project=watched';
const root = { root: { type: 'disk', path: '/', pool: 'default' } };
const ownFeatures = { 'features.images': 'true', 'features.profiles': 'true', 'features.storage.volumes': 'true' };

/** Why a write was refused, at once or in its operation; "" where it was not. */
async function attempt(method: string, path: string, body: object): Promise<string> {
  const answer = await test.client.json<Operation>(method, path, body);
  if (answer.type === 'error') return answer.error;
  if (answer.type !== 'async') return '';
  return test.client.wait(answer.operation).then(() => '', (error: Error) => error.message);
}

/** One line that tells why a step was refused; undefined where it was not. */
function refusalOf(shown: string | undefined): string | undefined {
  return shown !== undefined && /^HTTP [45]|"status_code": 400|^exit: [1-9]/m.test(shown) ? shown.replaceAll('\\"', '"') : undefined;
}

interface Shown {
  expanded_config: Record<string, string>;
  expanded_devices: Record<string, unknown>;
}

/** What the projects of the matrix hold: names, and config and devices of the instances that stay. */
async function held(): Promise<unknown> {
  const of = async (project: string): Promise<unknown> => {
    const instances = await test.client.get<(Shown & { name: string })[]>(`/1.0/instances?recursion=1&project=${project}`);
    return instances.map(({ name, expanded_config, expanded_devices }) => ({ name, expanded_devices, config: Object.entries(expanded_config).filter(([key]) => !key.startsWith('volatile.')) }));
  };
  return [await of('guarded'), await of('sharing'), await test.client.get('/1.0/profiles?recursion=1&project=guarded'), await test.client.get('/1.0/profiles/common')];
}

describe('the matrix of restrictions', () => {
  const steps = (run: Run, lines: readonly string[]): Promise<(string | undefined)[]> =>
    parseScript('restrictions', lines.join('\n')).steps.reduce<Promise<(string | undefined)[]>>(async (before, step) => [...(await before), await run.step(step)], Promise.resolve([]));
  // The rules are the same in both compositions.
  const tried = process.env['ASTERISM_COMPOSITION'] === 'processes' ? firstRows : rows;
  let run: Run;

  beforeAll(async () => {
    run = new Run(test.server, parseScript('restrictions', ''));
    expect((await steps(run, material)).map(refusalOf).filter((refusal) => refusal !== undefined)).toEqual([]);
  });

  it('has a row for each limit and restriction of a project, or says where else it is shown', () => {
    const covered = new Set([...rows.map((row) => row.key), ...Object.keys(elsewhere)]);
    expect(guarding.filter((key) => !covered.has(key))).toEqual([]);
    expect([...covered].filter((key) => !guarding.includes(key))).toEqual([]);
    for (const [key, proof] of Object.entries(elsewhere)) if (/\.(ts|script)$/.test(proof)) expect(readFileSync(join(import.meta.dirname, '../..', proof), 'utf8')).toContain(key);
  });

  it.each(tried.map((row) => [row.key, JSON.stringify(row.breach), row] as const))('lets nothing past %s: %s', async (_key, _breach, row) => {
    const { before, tightened, after } = prelude(row);
    const escaped: string[] = [];
    const attempt = async (cell: Cell): Promise<void> => {
      const refusal = (await steps(run, cell.attempt)).map(refusalOf).findLast((each) => each !== undefined);
      if (cell.refused ? !row.says.test(refusal ?? '') : refusal !== undefined) escaped.push(`${cell.path}: ${refusal ?? 'not refused'}`);
    };
    expect((await steps(run, before)).map(refusalOf).filter((refusal) => refusal !== undefined)).toEqual([]);
    await attempt(tightened);
    expect((await steps(run, after)).map(refusalOf).filter((refusal) => refusal !== undefined)).toEqual([]);
    const untouched = await held();
    for (const cell of cells(row)) {
      await attempt(cell);
      if (cell.refused && !isDeepStrictEqual(await held(), untouched)) escaped.push(`${cell.path}: changed something`);
      await steps(run, cell.after);
    }
    expect(await held()).toEqual(untouched);
    await steps(run, epilogue);
    expect(escaped).toEqual([]);
  });
});

describe('a project', () => {
  beforeAll(async () => {
    await test.client.change('POST', '/1.0/projects', { name: 'watched', config: { ...ownFeatures, restricted: 'true', 'restricted.snapshots': 'allow' } });
    await test.client.change('PUT', `/1.0/profiles/default?${project}`, { devices: root });
    await test.client.change('POST', `/1.0/instances?${project}`, { name: 'plain', source: { type: 'none' } });
  });

  it('is not restricted while it holds what that would forbid', async () => {
    await test.client.change('POST', '/1.0/projects', { name: 'open', config: { restricted: 'false' } });
    await test.client.change('POST', '/1.0/profiles?project=open', { name: 'bad', config: { 'security.nesting': 'true' } });
    expect(await attempt('PATCH', '/1.0/projects/open', { config: { restricted: 'true' } })).toMatch(/Container nesting is forbidden/);
  });

  it('makes no snapshots where they are blocked', async () => {
    await test.client.change('PATCH', '/1.0/projects/watched', { config: { 'restricted.snapshots': 'block' } });
    expect(await attempt('POST', `/1.0/instances/plain/snapshots?${project}`, { name: 'no' })).toBe('Project "watched" doesn\'t allow for snapshot creation');
    await test.client.change('POST', `/1.0/storage-pools/default/volumes/custom?${project}`, { name: 'v' });
    expect(await attempt('POST', `/1.0/storage-pools/default/volumes/custom/v/snapshots?${project}`, { name: 'no' })).toBe('Project "watched" doesn\'t allow for snapshot creation');
  });

  it('makes no backups where they are blocked', async () => {
    expect(await attempt('POST', `/1.0/instances/plain/backups?${project}`, {})).toBe('Project "watched" doesn\'t allow for backup creation');
    expect(await attempt('POST', `/1.0/storage-pools/default/volumes/custom/v/backups?${project}`, {})).toBe('Project "watched" doesn\'t allow for backup creation');
    await test.client.change('PATCH', '/1.0/projects/watched', { config: { 'restricted.backups': 'allow' } });
    expect(await attempt('POST', `/1.0/instances/plain/backups?${project}`, {})).toBe('');
  });

  it('counts its instances', async () => {
    await test.client.change('PATCH', '/1.0/projects/watched', { config: { 'limits.containers': '2' } });
    await test.client.change('POST', `/1.0/instances?${project}`, { name: 'two', source: { type: 'none' } });
    expect(await attempt('POST', `/1.0/instances?${project}`, { name: 'three', source: { type: 'none' } })).toBe('Reached maximum number of instances of type "container" in project "watched"');
  });
});
