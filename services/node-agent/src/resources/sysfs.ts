import { basename } from 'node:path';
import type { Files } from '../host/files.js';

/** The host's own files below /sys and /proc; what is missing reads as nothing. */
export class Sysfs {
  constructor(private readonly files: Files) {}

  async text(path: string): Promise<string | undefined> {
    return this.files.readText(path).then((text) => text.trim(), () => undefined);
  }

  async number(path: string): Promise<number | undefined> {
    const text = await this.text(path);
    return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
  }

  /** "0x1af4" as "1af4"; "" where there is none. */
  async id(path: string): Promise<string> {
    return ((await this.text(path)) ?? '').replace(/^0x/, '');
  }

  async names(directory: string, pattern = /./): Promise<string[]> {
    const names = await this.files.readdir(directory).catch(() => []);
    return names.filter((name) => pattern.test(name)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  }

  exists(path: string): Promise<boolean> {
    return this.files.exists(path);
  }

  async realpath(path: string): Promise<string | undefined> {
    return this.files.realpath(path).catch(() => undefined);
  }

  /** Name of what a symlink leads to. */
  async linkName(path: string): Promise<string | undefined> {
    const target = await this.files.readlink(path).catch(() => undefined);
    return target && basename(target);
  }

  /** A device's NUMA node, 0 where the kernel names none. */
  async numaNode(device: string): Promise<number> {
    return Math.max(0, (await this.number(`${device}/numa_node`)) ?? 0);
  }

  /** Name and version of a device's driver; modules without a version have the kernel's. */
  async driver(device: string): Promise<{ driver: string; driver_version: string }> {
    const driver = await this.linkName(`${device}/driver`);
    if (!driver) return { driver: '', driver_version: '' };
    const module = (await this.linkName(`${device}/driver/module`)) ?? driver;
    const version = (await this.text(`/sys/module/${module}/version`)) ?? (await this.text('/proc/sys/kernel/osrelease')) ?? '';
    return { driver, driver_version: version };
  }

  /** The PCI address in a device's path: the last one, behind which others may hang. */
  async pciAddress(device: string): Promise<string | undefined> {
    const path = await this.realpath(device);
    return path?.split('/').findLast((part) => /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$/.test(part));
  }
}

/** "0-3,8" as numbers. */
export function parseCpuList(text: string): number[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}
