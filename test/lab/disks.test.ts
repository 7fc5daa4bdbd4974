// proves: container_disk_shift
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { laboratory } from './lab.js';

const lab = laboratory();

describe('disks and block devices', () => {
  beforeAll(async () => {
    await lab.sh(`mkdir -p /srv/shared && echo ours > /srv/shared/file && chown -R 0:0 /srv/shared && chmod 700 /srv/shared
      truncate -s 32M /srv/disk.img && mke2fs -q -t ext4 /srv/disk.img && losetup /dev/loop7 /srv/disk.img
      dmsetup create mapped --table '0 65536 linear /dev/loop7 0' 2>&1 && ls /dev/mapper/mapped`);
  });
  afterEach(async () => {
    await lab.try('lxc config device remove guest d0');
  });
  afterAll(async () => {
    await lab.try('dmsetup remove mapped; losetup -d /dev/loop7; rm -rf /srv/*');
  });

  it('the root of an unprivileged instance is the host\'s on disk and the guest\'s in it', async () => {
    const pid = `$(lxc info guest | sed -n 's/^PID: //p')`;
    expect(await lab.sh(`stat -c %u /var/lib/server/storage-pools/default/containers/guest/rootfs; stat -c %u /proc/${pid}/root; cut -c1-40 /proc/${pid}/uid_map`)).toMatch(/^0\n[1-9]\d+\n\s+0\s+[1-9]\d+/);
    expect(await lab.sh('lxc exec guest -- stat -c %u /')).toBe('0');
  });

  it('a host path with "shift" shows its owners as the guest\'s, and keeps the host\'s', async () => {
    await lab.sh('lxc config device add guest d0 disk source=/srv/shared path=/mnt shift=true');
    expect(await lab.sh('lxc exec guest -- sh -c "stat -c %u /mnt/file; cat /mnt/file; echo theirs > /mnt/new"; stat -c %u /srv/shared/new')).toBe('0\nours\n0');
  });

  it('without it they are nobody\'s', async () => {
    await lab.sh('lxc config device add guest d0 disk source=/srv/shared path=/mnt');
    expect(await lab.refusal('lxc exec guest -- cat /mnt/file')).toContain('Permission denied');
  });

  it('a block device is mounted by its file system, with its options', async () => {
    await lab.sh('lxc config device add guest d0 disk source=/dev/loop7 path=/mnt raw.mount.options=noexec,nodev');
    expect(await lab.sh('lxc exec guest -- grep " /mnt " /proc/mounts')).toMatch(/^\/dev\/loop7 \/mnt ext4 .*noexec/);
    await lab.sh('lxc config device remove guest d0');
    expect(await lab.sh('lxc exec guest -- grep -c " /mnt " /proc/mounts || true')).toBe('0');
  });

  it('a device of the device mapper is mounted, and shown', async () => {
    await lab.sh('lxc config device add guest d0 disk source=/dev/mapper/mapped path=/mnt');
    expect(await lab.sh('lxc exec guest -- grep " /mnt " /proc/mounts')).toContain(' ext4 ');
    await lab.sh('lxc config device remove guest d0; lxc config device add guest d0 unix-block source=/dev/mapper/mapped path=/dev/data');
    expect(await lab.sh('lxc exec guest -- dd if=/dev/data bs=1 skip=1080 count=2 2>/dev/null | od -An -tx1')).toContain('53 ef');
  });

  it('unix-block shows the node itself', async () => {
    await lab.sh('lxc config device add guest d0 unix-block source=/dev/loop7 path=/dev/data mode=0600');
    expect(await lab.sh('lxc exec guest -- sh -c "ls -l /dev/data; dd if=/dev/data bs=1 skip=1080 count=2 2>/dev/null | od -An -tx1"')).toMatch(/brw-------.* 7,\s+7 [^]*53 ef/);
  });
});
