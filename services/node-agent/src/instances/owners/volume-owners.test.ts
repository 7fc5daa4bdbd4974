import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lchownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { agentInstances } from '@asterism/proto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IdRange } from '../../devices/device.js';
import { FakeHost } from '../../host/fake-host.js';
import { hostFiles } from '../../host/files.js';
import type { Host } from '../../host/host.js';
import { writePlan } from '../../host/owners/owner-plan.js';
import { hostOwners } from '../../host/owners/owners.js';
import { VolumeOwners } from './volume-owners.js';

const range = (hostId: number): IdRange[] => [
  { isUid: true, isGid: false, nsId: 0, hostId, range: 65_536 },
  { isUid: false, isGid: true, nsId: 0, hostId, range: 65_536 },
];
/** Over the ids that are there: by looking nobody can tell what was done. */
const near = range(1);

describe('the owners of a container’s files', () => {
  let volume: string;
  let owners: VolumeOwners;
  let host: Host;
  const uids = (): number[] => readdirSync(join(volume, 'rootfs'), { recursive: true, encoding: 'utf8' }).map((name) => lstatSync(join(volume, 'rootfs', name)).uid);
  const change = (wish: IdRange[]): Promise<void> => owners.change(volume, wish, () => undefined);
  const wanted = (idmap: IdRange[], config = {}): ReturnType<VolumeOwners['wanted']> => owners.wanted({ volume_path: volume, config } as agentInstances.InstanceSpec, idmap);

  beforeEach(() => {
    volume = mkdtempSync(join(tmpdir(), 'volume-owners-'));
    mkdirSync(join(volume, 'rootfs/etc'), { recursive: true });
    for (const name of ['a', 'b', 'c']) writeFileSync(join(volume, 'rootfs/etc', name), name);
    host = Object.assign(new FakeHost(), { files: hostFiles, owners: { ...hostOwners(), canMap: async () => false } });
    owners = new VolumeOwners(host);
  });
  afterEach(() => rmSync(volume, { recursive: true }));

  it('are remembered with them', async () => {
    expect(await wanted(near)).toEqual({ idmapped: false, change: near });
    await change(near);
    expect(uids()).toEqual([1, 1, 1, 1]);
    expect(await owners.onDisk(volume)).toEqual(near);
    expect(await wanted(near)).toEqual({ idmapped: false });
    await change(range(100_000));
    expect(uids()).toEqual([100_000, 100_000, 100_000, 100_000]);
    await change([]);
    expect(uids()).toEqual([0, 0, 0, 0]);
    expect(readdirSync(volume).sort()).toEqual(['owners.json', 'rootfs']);
  });

  it('are what they were where a change fails', async () => {
    host.owners.change = async (root, wish, plan) => {
      writePlan(root, wish, plan);
      lchownSync(join(root, 'etc/a'), 1, 1);
      throw new Error('EIO: input/output error');
    };
    await expect(change(near)).rejects.toThrow('Failed to handle idmapped storage: EIO: input/output error');
    expect(uids()).toEqual([0, 0, 0, 0]);
    expect(await owners.isUnderWay(volume)).toBe(false);
    expect(await owners.onDisk(volume)).toEqual([]);
  });

  it('are finished where a crash came in the middle, before anything else is done with them', async () => {
    writePlan(join(volume, 'rootfs'), { from: [], to: near }, join(volume, 'owners.plan'));
    lchownSync(join(volume, 'rootfs/etc/b'), 1, 1);
    expect(await wanted([])).toEqual({ idmapped: false, change: [] });
    expect(await wanted(near)).toEqual({ idmapped: false, change: near });
    await change(range(100_000));
    expect(uids()).toEqual([100_000, 100_000, 100_000, 100_000]);
    expect(existsSync(join(volume, 'owners.plan'))).toBe(false);
  });

  it('are finished where the process that changes them is killed', async () => {
    for (let file = 0; file < 1500; file++) writeFileSync(join(volume, `rootfs/${file}`), '');
    const program = `import { applyPlan, writePlan } from '${new URL('../../../dist/host/owners/owner-plan.js', import.meta.url).href}';
      const [root, plan, change] = process.argv.slice(1);
      writePlan(root, JSON.parse(change), plan);
      applyPlan(root, plan, 'forward', () => process.kill(process.pid, 'SIGKILL'));`;
    const argv = ['--input-type=module', '-e', program, join(volume, 'rootfs'), join(volume, 'owners.plan'), JSON.stringify({ from: [], to: near })];
    expect(spawnSync(process.execPath, argv).signal).toBe('SIGKILL');
    expect(new Set(uids())).toEqual(new Set([0, 1]));
    await change(near);
    expect(new Set(uids())).toEqual(new Set([1]));
    expect(await wanted(near)).toEqual({ idmapped: false });
  }, 60_000);

  it('of a volume from elsewhere are what its server says, unless it brings its own', async () => {
    const text = (idmap: IdRange[]): string => JSON.stringify(idmap.map((each) => ({ Isuid: each.isUid, Isgid: each.isGid, Hostid: each.hostId, Nsid: each.nsId, Maprange: each.range })));
    await owners.adopt(volume, '[]');
    expect(readdirSync(volume)).toEqual(['rootfs']);
    await owners.adopt(volume, text(near));
    await owners.adopt(volume, text(range(9)));
    expect(await owners.onDisk(volume)).toEqual(near);
  });

  it('change on file systems that the kernel does not show with other ids, such as an overlay', async () => {
    const [lower, work, merged] = ['lower', 'work', 'merged'].map((name) => join(volume, name));
    for (const path of [lower!, join(volume, 'upper'), work!, merged!]) mkdirSync(path);
    mkdirSync(join(lower!, 'v/rootfs'), { recursive: true });
    writeFileSync(join(lower!, 'v/rootfs/file'), 'x');
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${lower},upperdir=${join(volume, 'upper')},workdir=${work}`, merged!]);
    try {
      const real = new VolumeOwners(Object.assign(new FakeHost(), { files: hostFiles, owners: hostOwners() }));
      const spec = { volume_path: join(merged!, 'v'), config: {} } as unknown as agentInstances.InstanceSpec;
      expect(await real.wanted(spec, near)).toEqual({ idmapped: false, change: near });
      await real.change(spec.volume_path, near, () => undefined);
      expect(lstatSync(join(merged!, 'v/rootfs/file')).uid).toBe(1);
      expect(lstatSync(join(lower!, 'v/rootfs/file')).uid).toBe(0);
    } finally {
      execFileSync('umount', [merged!]);
    }
  });
});
