import { capture } from './capture.js';
import { IsolatedHost } from './isolated-host.js';

/** Connects isolated hosts like machines on one Ethernet: each gets eth0 with an address of 10.117.0.0/24. */
export class Switch {
  #ports = 0;

  private constructor(private readonly host: IsolatedHost) {}

  static async start(): Promise<Switch> {
    const host = await IsolatedHost.start('switch');
    await must(host, ['ip', 'link', 'add', 'lan', 'type', 'bridge']);
    await must(host, ['ip', 'link', 'set', 'lan', 'up']);
    return new Switch(host);
  }

  /** Plugs the host in; answers its address. */
  async connect(host: IsolatedHost): Promise<string> {
    const number = (this.#ports += 1);
    const address = `10.117.0.${number}`;
    await must(this.host, ['ip', 'link', 'add', `port${number}`, 'master', 'lan', 'up', 'type', 'veth', 'peer', 'name', 'wire']);
    await this.#hand(host);
    for (const command of [`ip link set wire name eth0`, `ip address add ${address}/24 dev eth0`, 'ip link set eth0 up']) await must(host, command.split(' '));
    return address;
  }

  /** Pulls the plug of a host, or puts it in again. */
  async plug(address: string, state: 'up' | 'down'): Promise<void> {
    await must(this.host, ['ip', 'link', 'set', `port${address.split('.')[3]}`, state]);
  }

  async stop(): Promise<void> {
    await this.host.stop();
  }

  /** From the switch's network namespace, but with the real host's pids. */
  async #hand(host: IsolatedHost): Promise<void> {
    const { code, stderr } = await capture(['nsenter', '--target', String(this.host.pid), '--net', '--', 'ip', 'link', 'set', 'wire', 'netns', String(host.pid)]);
    if (code !== 0) throw new Error(stderr);
  }
}

async function must(host: IsolatedHost, command: string[]): Promise<void> {
  const { code, stderr } = await host.run(command, { timeoutMs: 10_000 });
  if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
}
