import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { laboratory } from './lab.js';

const lab = laboratory();

describe('AppArmor', () => {
  beforeAll(async () => {
    await lab.sh('lxc init busybox confined --no-profiles --storage default && lxc start confined', 100);
  });
  afterAll(async () => {
    await lab.try('lxc delete -f confined');
  });
  const profile = (): Promise<string> => lab.sh(`cat /proc/$(lxc info confined | sed -n 's/^PID: //p')/attr/current`);

  it('confines an instance by a profile of its own that is gone when it ends', async () => {
    expect(await profile()).toMatch(/\(enforce\)$/);
    expect(await lab.refusal('lxc exec confined -- sh -c "echo 1 > /sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs"')).toMatch(/denied|nonexistent|Read-only/);
    expect(await lab.refusal('lxc exec confined -- mount -t tmpfs -o ro,remount none /sys')).toContain('denied');
    await lab.sh('lxc stop -f confined');
    expect(await lab.sh('grep -c confined /sys/kernel/security/apparmor/profiles || true')).toBe('0');
  });

  it('"raw.apparmor" is part of the profile', async () => {
    await lab.sh(`lxc config set confined raw.apparmor "$(printf '# ours\\ndeny /etc/secret r,\\n\\tdeny /etc/other r,')" && lxc start confined
      lxc exec confined -- sh -c "echo x > /etc/secret; echo x > /etc/other; echo x > /etc/open"`);
    expect(await lab.sh('lxc exec confined -- cat /etc/open')).toBe('x');
    expect(await lab.refusal('lxc exec confined -- cat /etc/secret')).toContain('Permission denied');
    expect(await lab.refusal('lxc exec confined -- cat /etc/other')).toContain('Permission denied');
  });

  it('"raw.apparmor" changes on a running instance', async () => {
    await lab.sh(`lxc config set confined raw.apparmor 'deny /etc/open r,'`);
    expect(await lab.refusal('lxc exec confined -- cat /etc/open')).toContain('Permission denied');
    expect(await lab.sh('lxc exec confined -- cat /etc/secret')).toBe('x');
  });

  it('with "security.nesting" it may mount its own', async () => {
    await lab.sh('lxc stop -f confined; lxc config unset confined raw.apparmor; lxc config set confined security.nesting=true; lxc start confined');
    expect(await lab.sh('lxc exec confined -- sh -c "mkdir -p /n && mount -t proc proc /n && ls /n/self/status"')).toBe('/n/self/status');
  });
});
