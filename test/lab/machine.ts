import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repository } from '../servers/asterism.js';
import type { Image } from './image/image.js';
import { Port } from './port.js';

/** Which control groups the machine mounts: v2 alone, the older hierarchies with v2 beside them, or those alone. */
export const cgroups = ['v2', 'hybrid', 'v1'] as const;
export type Cgroups = (typeof cgroups)[number];

/** A computer with a full kernel, emulated by QEMU: nothing of it stays when it ends. */
export class Machine {
  private constructor(
    readonly directory: string,
    readonly port: Port,
    private readonly qemu: ChildProcess,
  ) {}

  static async boot(image: Image, tree: Cgroups): Promise<Machine> {
    const directory = mkdtempSync(join(tmpdir(), 'asterism-lab-'));
    mkdirSync(join(directory, 'exchange'));
    const console = openSync(join(directory, 'qemu.log'), 'w');
    const qemu = spawn('nice', ['-n', '10', ...commandLine(image, directory, tree)], { stdio: ['ignore', console, console] });
    closeSync(console);
    const machine = new Machine(directory, new Port(join(directory, 'port')), qemu);
    try {
      for (const deadline = Date.now() + 300_000; ; await sleep(200)) {
        if (qemu.exitCode !== null || qemu.signalCode !== null) throw new Error('QEMU ended');
        if (await machine.port.run('true', 5).then(({ code }) => code === 0, () => false)) return machine;
        if (Date.now() > deadline) throw new Error('the laboratory did not boot within five minutes');
      }
    } catch (error) {
      const said = ['qemu.log', 'console.log'].map((name) => readFileSync(join(directory, name), 'utf8').slice(-2000)).join('\n');
      await machine.off();
      throw new Error(`${String(error)}\n${said}`, { cause: error });
    }
  }

  async off(): Promise<void> {
    this.port.close();
    const gone = new Promise<void>((resolve) => (this.qemu.exitCode !== null || this.qemu.signalCode !== null ? resolve() : this.qemu.once('exit', () => resolve())));
    this.qemu.kill('SIGKILL');
    await gone;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/**
 * No disk is written to: changes of the root go to a file that is deleted already. The first two network cards are wired to each other and to nothing
 * else, the third and fourth alike, and the last with one that has virtual functions (igb); there is no way out. The repository is there read-only, and a directory for files that go in and out. The clock is
 * not the processor's counter: a kernel on a busy host finds out its speed wrongly, and its time then runs several times too fast.
 */
function commandLine({ kernel, initrd, root, emulator }: Image, directory: string, tree: Cgroups): string[] {
  const cards = [1, 2, 3, 4, 6].flatMap((number) => [
    '-netdev', `hubport,id=wire${number},hubid=${Math.ceil(number / 2)}`,
    '-device', `virtio-net-pci,netdev=wire${number},mac=52:54:00:00:00:0${number},romfile=`,
  ]);
  return [
    ...emulator, '-machine', 'q35', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
    '-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max', '-smp', '1', '-m', '2560',
    '-kernel', kernel, '-initrd', initrd,
    '-append', `console=ttyS0 quiet panic=-1 mitigations=off nokaslr clocksource=hpet tsc=unstable no_timer_check apparmor=1 security=apparmor lab.cgroups=${tree}`,
    '-serial', `file:${join(directory, 'console.log')}`,
    '-drive', `if=none,id=root,file=${root},format=raw,snapshot=on,cache=unsafe`, '-device', 'virtio-blk-pci,drive=root',
    '-fsdev', `local,id=repository,path=${repository},security_model=none,readonly=on,multidevs=remap`, '-device', 'virtio-9p-pci,fsdev=repository,mount_tag=repository',
    '-fsdev', `local,id=exchange,path=${join(directory, 'exchange')},security_model=none`, '-device', 'virtio-9p-pci,fsdev=exchange,mount_tag=exchange',
    '-device', 'virtio-serial-pci', '-chardev', `socket,id=port,path=${join(directory, 'port')},server=on,wait=off`, '-device', 'virtserialport,chardev=port,name=lab',
    '-device', 'virtio-rng-pci', '-device', 'virtio-gpu-pci', ...cards,
    '-device', 'pcie-root-port,id=functions', '-netdev', 'hubport,id=wire5,hubid=3', '-device', 'igb,bus=functions,netdev=wire5,mac=52:54:00:00:00:05,romfile=',
  ];
}
