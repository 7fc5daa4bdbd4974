import type { agentInstances } from '@asterism/proto';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeHost } from '../host/fake-host.js';
import { InstanceLayout } from './instance-layout.js';
import { KnownInstances } from './known-instances.js';

describe('the log of known instances', () => {
  const layout = new InstanceLayout('/state');
  let host: FakeHost;

  beforeEach(async () => {
    host = new FakeHost();
    await host.files.mkdir('/state');
  });

  const spec = (id: string, name = id): agentInstances.InstanceSpec => ({ id, name, project: 'default' }) as agentInstances.InstanceSpec;
  const loaded = async (): Promise<KnownInstances> => {
    const known = new KnownInstances(host, layout);
    await known.load();
    return known;
  };
  const names = (known: KnownInstances): string[] => known.all().map((record) => record.spec.name);

  it('gives back what was saved last and nothing that was forgotten', async () => {
    const known = await loaded();
    await known.save({ spec: spec('1', 'old') });
    await known.save({ spec: spec('2') });
    await known.save({ spec: spec('1', 'new') });
    await known.forget('2');
    expect(names(await loaded())).toEqual(['new']);
  });

  it('loses only the end that was cut off, and goes on behind it', async () => {
    const known = await loaded();
    await known.save({ spec: spec('1') });
    await host.files.append(layout.records, '{"id":"2","rec');
    const after = await loaded();
    await after.save({ spec: spec('3') });
    expect(names(await loaded())).toEqual(['1', '3']);
  });

  it('takes in what an agent before the log had a file of each for', async () => {
    await host.files.mkdir(layout.recordFiles);
    await host.files.write(`${layout.recordFiles}/1.json`, JSON.stringify({ spec: spec('1') }));
    await host.files.write(`${layout.recordFiles}/2.json`, '{"spec":');
    expect(names(await loaded())).toEqual(['1']);
    expect(await host.files.exists(layout.recordFiles)).toBe(false);
    expect(names(await loaded())).toEqual(['1']);
  });

  it('does not grow with the number of changes', async () => {
    const known = await loaded();
    for (let change = 0; change < 2_000; change++) await known.save({ spec: spec('1', `name-${change}`) });
    expect((await host.files.readText(layout.records)).split('\n').length).toBeLessThan(300);
    expect(names(await loaded())).toEqual(['name-1999']);
  });

  it('keeps changes in their order when they are not waited for', async () => {
    const known = await loaded();
    await Promise.all(Array.from({ length: 600 }, (_, change) => known.save({ spec: spec(String(change % 3), `name-${change}`) })));
    expect(names(await loaded()).sort()).toEqual(['name-597', 'name-598', 'name-599']);
  });
});
