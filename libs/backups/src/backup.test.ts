// proves: backup_compression
import { describe, expect, it } from 'vitest';
import { backupObject, compressionOf, invalidCompression, nextBackupName } from './backup.js';
import { indexReader } from './backup-index.js';

describe('a backup', () => {
  it.each([
    [[], 'backup0'],
    [['backup0', 'backup4', 'nightly', 'backupx'], 'backup5'],
  ])('beside %j is named %j unless it has a name', (taken, name) => expect(nextBackupName(taken)).toBe(name));

  it('is compressed as asked, else as the project or the server says', () => {
    const key = 'backups.compression_algorithm';
    expect(compressionOf('xz', { [key]: 'zstd' }, { [key]: 'none' })).toBe('xz');
    expect(compressionOf('', { [key]: 'zstd' }, { [key]: 'none' })).toBe('zstd');
    expect(compressionOf('', {}, { [key]: 'none' })).toBe('none');
    expect(compressionOf('', {}, {})).toBe('gzip');
  });

  it.each(['bogus', 'gzip; reboot', 'gzip --suffix=x', '../gzip'])('is not compressed by %j', (asked) => expect(invalidCompression(asked)).toContain('Invalid compression algorithm'));

  it('shows what LXD shows', () => {
    const row = { id: '', owner_id: '', member: 'none', name: 'b', only: true, optimized: false, size_bytes: 1, created_at: new Date('2026-01-02T03:04:05.678Z'), expires_at: null };
    expect(backupObject(row, ['instance_only', 'container_only'])).toEqual({ name: 'b', created_at: '2026-01-02T03:04:05Z', expires_at: '0001-01-01T00:00:00Z', instance_only: true, container_only: true, optimized_storage: false });
  });
});

describe('an index', () => {
  it('is refused where its shape is wrong', () => {
    expect(() => indexReader.mapping([], 'config')).toThrow('config must be a mapping');
    expect(() => indexReader.list({}, 'snapshots')).toThrow('snapshots must be a list');
    expect(() => indexReader.texts({ a: [] }, 'config')).toThrow('config: a must be a scalar');
    expect(() => indexReader.time('yesterday', 'created_at')).toThrow('created_at must be a time');
  });
  it('has no time where Go has its zero', () => expect(indexReader.time('0001-01-01T00:00:00Z', 'x')).toBeUndefined());
});
