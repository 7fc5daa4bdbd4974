import { describe, expect, it, vi } from 'vitest';
import { FakeHost } from '../host/fake-host.js';
import { FollowedDevices } from './follow-devices.js';

async function followed(...what: Parameters<FollowedDevices['follow']>[1][number][]) {
  const host = new FakeHost();
  await host.files.mkdir('/dev/bus');
  const refreshed: string[] = [];
  const devices = new FollowedDevices(host, async (id) => void refreshed.push(id));
  devices.follow('c1', what);
  await vi.waitFor(() => expect(host.files.watched.size + host.ueventListeners.size).toBeGreaterThan(0));
  return { host, devices, refreshed };
}

describe('followed devices', () => {
  it('are refreshed when their directory changes, or the next above it', async () => {
    const { host, devices, refreshed } = await followed({ path: '/dev/ttyS0' }, { path: '/dev/bus/usb/001/002' });
    expect([...host.files.watched.keys()].sort()).toEqual(['/dev', '/dev/bus']);
    host.files.watched.get('/dev')!();
    host.files.watched.get('/dev/bus')!();
    await vi.waitFor(() => expect(refreshed).toEqual(['c1']));
    devices.stop();
    expect(host.files.watched.size).toBe(0);
  });

  it('are refreshed when the kernel speaks of devices', async () => {
    const { host, devices, refreshed } = await followed({ uevents: true });
    for (const heard of host.ueventListeners) heard({ action: 'add', path: '/devices/usb1/1-2', subsystem: 'usb' });
    await vi.waitFor(() => expect(refreshed).toEqual(['c1']));
    devices.stop();
    expect(host.ueventListeners.size).toBe(0);
  });

  it('are tried again where an instance did not take them', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const host = new FakeHost();
      const refresh = vi.fn<(id: string) => Promise<void>>().mockRejectedValueOnce(new Error('busy')).mockResolvedValue();
      const devices = new FollowedDevices(host, refresh);
      devices.follow('c1', [{ uevents: true }]);
      await vi.advanceTimersByTimeAsync(10);
      for (const heard of host.ueventListeners) heard({ action: 'add', path: '/devices/usb1/1-2', subsystem: 'usb' });
      await vi.advanceTimersByTimeAsync(4_000);
      expect(refresh).toHaveBeenCalledTimes(1);
      await vi.advanceTimersByTimeAsync(20_000);
      expect(refresh).toHaveBeenCalledTimes(2);
      devices.stop();
    } finally {
      vi.useRealTimers();
    }
  });

  it('are nothing to watch once their instance ended', async () => {
    const { host, devices } = await followed({ path: '/dev/ttyS0' });
    devices.follow('c1', []);
    await vi.waitFor(() => expect(host.files.watched.size).toBe(0));
  });
});
