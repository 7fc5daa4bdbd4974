import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxHost } from '../host/linux-host.js';
import { keepFiles, whyNotThere } from './kept-files.js';
import { Layout, type Volume } from './layout.js';

const host = linuxHost();
const volume = (name: string): Volume => ({ pool: { name: 'p', driver: 'dir', config: {} }, type: 'custom', name: `default_${name}`, content_type: 'filesystem', config: {}, size_bytes: 0 });

let state: string;
let layout: Layout;
const at = (...path: string[]): string => join(state, ...path);
const custom = (name: string): string => at('storage-pools/p/custom', `default_${name}`);
const keep = (name?: string) => keepFiles(host, layout, { kind: 'backups', volume: name === undefined ? undefined : volume(name) });
const why = (name: string) => whyNotThere(host, layout, { kind: 'backups', volume: volume(name) });

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'kept-files-'));
  layout = new Layout(state);
  for (const name of ['one', 'two']) mkdirSync(custom(name), { recursive: true });
  mkdirSync(at('backups'));
  writeFileSync(at('backups/b1'), 'archive');
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

describe('files that the server keeps in a volume', () => {
  it('move there, on to another, and back', async () => {
    await keep('one');
    expect(readlinkSync(at('backups'))).toBe(custom('one'));
    expect(lstatSync(custom('one')).mode & 0o777).toBe(0o700);
    await keep('two');
    expect([readdirSync(custom('one')), readFileSync(at('backups/b1'), 'utf8')]).toEqual([[], 'archive']);
    expect(readlinkSync(at('backups'))).toBe(custom('two'));
    await keep();
    expect(lstatSync(at('backups')).isDirectory()).toBe(true);
    expect([readdirSync(custom('two')), readdirSync(at('backups'))]).toEqual([[], ['b1']]);
    expect(readdirSync(state).sort()).toEqual(['backups', 'storage-pools']);
  });

  it('are left alone when they lie there already', async () => {
    await keep('one');
    expect(await why('one')).toBeUndefined();
    await keep('one');
    expect(readdirSync(at('backups'))).toEqual(['b1']);
  });

  it('do not go where something else lies, nor to what is not there', async () => {
    writeFileSync(join(custom('one'), 'other'), '');
    mkdirSync(join(custom('two'), 'lost+found'));
    expect(await why('one')).toBe('Storage volume "p/one" isn\'t empty');
    expect(await why('two')).toBeUndefined();
    expect(await why('three')).toBe('Storage volume "p/three" is not on this member');
  });

  it('are moved to the end after a crash on the way', async () => {
    writeFileSync(at('backups.moving'), custom('one')); // killed while it copied
    writeFileSync(join(custom('one'), 'b1'), 'arch');
    expect(await why('one')).toBeUndefined();
    await keep('one');
    expect([readFileSync(at('backups/b1'), 'utf8'), readdirSync(state).sort()]).toEqual(['archive', ['backups', 'storage-pools']]);
  });

  it('stay where they are when the move fails', async () => {
    mkdirSync(at('backups.next/x'), { recursive: true }); // left by another crash
    rmSync(custom('one'), { recursive: true });
    symlinkSync('/nowhere', custom('one'));
    await expect(keep('one')).rejects.toThrow();
    expect([lstatSync(at('backups')).isDirectory(), readdirSync(at('backups'))]).toEqual([true, ['b1']]);
  });

  it('are backups or images', async () => {
    await expect(keepFiles(host, layout, { kind: '../etc', volume: undefined })).rejects.toThrow('Invalid kind');
  });
});
