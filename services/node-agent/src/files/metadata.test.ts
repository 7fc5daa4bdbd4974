import { common } from '@asterism/proto';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GuestFiles } from '../host/guest-files.js';
import { readMetadata, writeMetadata } from './metadata.js';
import type { InstancePlace } from './place.js';
import { deleteTemplate, listTemplates, readTemplate, writeTemplate } from './template-files.js';

let volume: string;
let guests: GuestFiles;
let place: InstancePlace;

beforeEach(async () => {
  volume = await mkdtemp(join(tmpdir(), 'volume-'));
  guests = new GuestFiles();
  place = { id: 'i', name: 'c1', project: 'default', type: 'container', pid: undefined, volumePath: volume, ids: async () => [], logsDir: volume };
  await writeFile(join(volume, 'metadata.yaml'), 'architecture: x86_64\ncreation_date: 1700000000\nproperties: {os: Busybox}\n');
});
afterEach(() => rm(volume, { recursive: true }));

const shown = async (): Promise<unknown> => JSON.parse((await readMetadata(guests, place)).json.toString());
const write = (value: object, mode: common.UpdateMode, ifMatch = '') =>
  writeMetadata(guests, place, { instance_id: 'i', json: Buffer.from(JSON.stringify(value)), mode, if_match: ifMatch });
async function* bytes(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

describe('metadata of an instance', () => {
  it('has every field of LXD, whatever the file holds', async () => {
    expect(await shown()).toEqual({ architecture: 'x86_64', creation_date: 1_700_000_000, expiry_date: 0, properties: { os: 'Busybox' }, templates: null });
  });

  it('is merged by PATCH, with its ETag, and replaced by PUT', async () => {
    const { etag } = await readMetadata(guests, place);
    await write({ properties: { a: 'b' } }, common.UpdateMode.MERGE, etag);
    expect(await shown()).toMatchObject({ creation_date: 1_700_000_000, properties: { a: 'b', os: 'Busybox' } });
    await expect(write({}, common.UpdateMode.MERGE, etag)).rejects.toThrow("ETag doesn't match");
    await write({ architecture: 'aarch64' }, common.UpdateMode.REPLACE);
    expect(await shown()).toMatchObject({ architecture: 'aarch64', creation_date: 0, properties: {} });
  });

  it('is written inside the volume only', async () => {
    await rm(join(volume, 'metadata.yaml'));
    const outside = `${volume}-outside`;
    await writeFile(outside, 'mine');
    await symlink(outside, join(volume, 'metadata.yaml'));
    await write({ architecture: 'x' }, common.UpdateMode.REPLACE).catch(() => undefined);
    expect(await readFile(outside, 'utf8')).toBe('mine');
    await rm(outside);
  });
});

describe('templates of an instance', () => {
  it('are written, listed, read and deleted by their plain names', async () => {
    expect(await listTemplates(guests, place)).toEqual([]);
    await writeTemplate(guests, place, 'x.tpl', bytes('hello'));
    expect(await listTemplates(guests, place)).toEqual(['x.tpl']);
    const parts: (string | undefined)[] = [];
    for await (const { part } of readTemplate(guests, place, 'x.tpl')) parts.push(part?.$case);
    expect(parts).toEqual(['header', 'chunk']);
    await deleteTemplate(guests, place, 'x.tpl');
    await expect(deleteTemplate(guests, place, 'x.tpl')).rejects.toThrow('Template "x.tpl" not found');
    await expect(writeTemplate(guests, place, '../x', bytes(''))).rejects.toThrow('Invalid template filename');
  });
});
