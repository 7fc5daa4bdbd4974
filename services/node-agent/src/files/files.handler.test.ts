import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { agentFiles } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeHost } from '../host/fake-host.js';
import { GuestFiles } from '../host/guest-files.js';
import { performGuestRequest } from '../host/guest-file-operations.js';
import { FilesHandler } from './files.handler.js';
import type { InstancePlace, InstancePlaces } from './place.js';

/** The operations themselves, in this thread: the worker only moves them elsewhere. */
class DirectGuestFiles extends GuestFiles {
  override async request(...[guest, request]: Parameters<GuestFiles['request']>): ReturnType<GuestFiles['request']> {
    return performGuestRequest(guest, request);
  }
}

let volume: string;
let outside: string;
let handler: FilesHandler;
const place = (): InstancePlace => ({ id: 'i', name: 'c1', project: 'default', type: 'container', pid: undefined, volumePath: volume, ids: async () => [], logsDir: volume });
const call = systemCall();
const ref = (path: string): agentFiles.FileRef => ({ instance_id: 'i', path });

beforeAll(() => {
  volume = mkdtempSync(join(tmpdir(), 'asterism-files-'));
  outside = mkdtempSync(join(tmpdir(), 'asterism-outside-'));
  handler = new FilesHandler(new FakeHost(), new DirectGuestFiles(), { place } as InstancePlaces);
});
beforeEach(() => {
  rmSync(join(volume, 'rootfs'), { recursive: true, force: true });
  mkdirSync(join(volume, 'rootfs/etc'), { recursive: true });
  writeFileSync(join(outside, 'secret'), 'of the host');
});
afterAll(() => {
  rmSync(volume, { recursive: true, force: true });
  rmSync(outside, { recursive: true, force: true });
});

async function pull(path: string): Promise<{ header: agentFiles.FileHeader; text: string }> {
  let header: agentFiles.FileHeader | undefined;
  const parts: Uint8Array[] = [];
  for await (const frame of handler.pull(call, ref(path))) {
    if (frame.part?.$case === 'header') header = frame.part.value;
    if (frame.part?.$case === 'chunk') parts.push(frame.part.value);
  }
  return { header: header!, text: Buffer.concat(parts).toString() };
}

function push(path: string, content: string | Error, header: Partial<agentFiles.PushHeader> = {}): Promise<object> {
  const frames = async function* (): AsyncIterable<agentFiles.PushFrame> {
    yield { part: { $case: 'header', value: { file: ref(path), type: 'file', mode: -1, uid: -1, gid: -1, write: 'overwrite', ...header } } };
    yield { part: { $case: 'chunk', value: Buffer.from(content instanceof Error ? 'half' : content) } };
    if (content instanceof Error) throw content;
  };
  return handler.push(call, frames());
}

describe('files of a stopped instance', () => {
  it('are written with the reference’s defaults and read back', async () => {
    await push('/etc/motd', 'hello');
    expect(await pull('etc/motd')).toMatchObject({ header: { type: 'file', mode: 0o644, uid: 0, gid: 0, size_bytes: 5 }, text: 'hello' });
  });

  it('take mode and owner, and keep them when overwritten without', async () => {
    await push('/etc/key', 'a', { mode: 0o600, uid: 7, gid: 8 });
    await push('/etc/key', 'bc');
    expect(await pull('/etc/key')).toMatchObject({ header: { mode: 0o600, uid: 7, gid: 8 }, text: 'bc' });
  });

  it('grow by appending', async () => {
    await push('/etc/log', 'one');
    await push('/etc/log', 'two', { write: 'append' });
    expect((await pull('/etc/log')).text).toBe('onetwo');
  });

  it('show directories by their names and symlinks by their targets', async () => {
    await push('/etc/d', '', { type: 'directory', mode: 0o700 });
    await push('/etc/d/l', '../motd', { type: 'symlink' });
    expect((await pull('/etc/d')).header).toMatchObject({ type: 'directory', mode: 0o700, entries: ['l'] });
    expect((await pull('/etc/d/l')).header).toMatchObject({ type: 'symlink', entries: ['../motd'] });
  });

  it('are removed, directories only when empty', async () => {
    await push('/etc/x', '1');
    await expect(handler.delete(call, ref('/etc'))).rejects.toThrow('directory not empty');
    await handler.delete(call, ref('/etc/x'));
    await handler.delete(call, ref('/etc'));
    await expect(handler.delete(call, ref('/etc'))).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('leave nothing of a new file whose sender went away', async () => {
    await expect(push('/etc/half', new Error('gone'))).rejects.toThrow('gone');
    await expect(pull('/etc/half')).rejects.toMatchObject({ kind: 'not-found' });
  });
});

describe('a guest that wants out', () => {
  it('is kept inside by every kind of path', async () => {
    symlinkSync(outside, join(volume, 'rootfs/abs'));
    symlinkSync('../../../../../../../../../../../../..', join(volume, 'rootfs/up'));
    symlinkSync(join(outside, 'secret'), join(volume, 'rootfs/file'));
    for (const path of ['/abs/secret', `/up${outside}/secret`, `/../../../..${outside}/secret`]) {
      await expect(pull(path)).rejects.toMatchObject({ kind: 'not-found' });
      await expect(push(path, 'overwritten')).rejects.toMatchObject({ kind: 'not-found' });
      await expect(handler.delete(call, ref(path))).rejects.toMatchObject({ kind: 'not-found' });
    }
    await push('/file', 'inside').catch(() => undefined);
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('of the host');
  });

  it('cannot make the server wait on a FIFO or read a device', async () => {
    execFileSync('mkfifo', [join(volume, 'rootfs/fifo')]);
    execFileSync('mknod', [join(volume, 'rootfs/zero'), 'c', '1', '5']);
    await expect(pull('/fifo')).rejects.toThrow('Not a regular file');
    await expect(pull('/zero')).rejects.toThrow('Not a regular file');
    await expect(push('/fifo', 'x')).rejects.toThrow(/no such device|invalid argument/);
    await expect(push('/zero', 'x')).rejects.toThrow('invalid argument');
  });

  it('cannot pass off another name as a log', async () => {
    for (const file of ['../rootfs/etc/passwd', 'passwd', 'lxc.log/../x', 'exec_1.stdout/..']) {
      expect(() => handler.readLog(call, { instance_id: 'i', file })).toThrow('log file name not valid');
    }
  });
});

describe('a running instance', () => {
  it('is entered through its first process, with its ids', async () => {
    const map = { isUid: true, isGid: true, nsId: 0, hostId: 1_000_000, range: 65_536 };
    const running = new FilesHandler(new FakeHost(), new DirectGuestFiles(), { place: () => ({ ...place(), pid: process.pid, ids: async () => [map] }) } as InstancePlaces);
    const path = join(volume, 'rootfs/etc/mapped');
    const frames = async function* (): AsyncIterable<agentFiles.PushFrame> {
      yield { part: { $case: 'header', value: { file: ref(path), type: 'file', mode: -1, uid: 33, gid: -1, write: 'overwrite' } } };
    };
    execFileSync('chown', ['-R', '1000000:1000000', volume]);
    await running.push(call, frames());
    const stat = statSync(path);
    expect([stat.uid, stat.gid]).toEqual([1_000_033, 1_000_000]);
    for await (const frame of running.pull(call, ref(path))) if (frame.part?.$case === 'header') expect(frame.part.value).toMatchObject({ uid: 33, gid: 0 });
  });
});
