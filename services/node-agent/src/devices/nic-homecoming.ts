import type { Host } from '../host/host.js';
import { linkName, runIp } from '../networks/links.js';

const comesWithinMs = 2_000;
const lookEveryMs = 50;

/**
 * A link of the host's that was plugged into a running guest comes back by itself when the guest's network ends, a moment later and under the name it
 * had inside; by its address it is found and named again.
 */
export async function bringHome(host: Host, home: string, addresses: readonly (string | undefined)[]): Promise<void> {
  const own = addresses.filter((address): address is string => Boolean(address)).map((address) => address.toLowerCase());
  for (const deadline = performance.now() + comesWithinMs; own.length > 0 && performance.now() < deadline; ) {
    if (await host.links.exists(home)) return;
    const returned = (await host.links.list()).find(({ hwaddr, kind }) => kind === '' && own.includes(hwaddr));
    if (returned) {
      const name = linkName(returned.name);
      return runIp(host, [['link', 'set', 'dev', name, 'down'], ['link', 'set', 'dev', name, 'name', home]]);
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
