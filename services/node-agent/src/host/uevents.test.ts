import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { listenForUevents, parseUevent, type Uevent } from './uevents.js';

describe('what the kernel says of devices', () => {
  it('is read from its messages', () => {
    const text = 'add@/devices/usb1/1-2\0ACTION=add\0DEVPATH=/devices/usb1/1-2\0SUBSYSTEM=usb\0SEQNUM=7\0';
    expect(parseUevent(text)).toEqual({ action: 'add', path: '/devices/usb1/1-2', subsystem: 'usb' });
    expect(parseUevent('libudev\0')).toBeUndefined();
  });

  it('is heard', async () => {
    const heard = Promise.withResolvers<Uevent>();
    const listening = listenForUevents((event) => event.path.endsWith('/mem/null') && heard.resolve(event));
    writeFileSync('/sys/devices/virtual/mem/null/uevent', 'change');
    expect(await heard.promise).toEqual({ action: 'change', path: '/devices/virtual/mem/null', subsystem: 'mem' });
    listening.stop();
  });
});
