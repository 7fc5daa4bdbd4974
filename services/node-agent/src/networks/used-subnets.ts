import type { Host } from '../host/host.js';

/** Every subnet that this host has an address in or a route to; default routes are no use of a subnet. */
export async function usedSubnets(host: Host): Promise<string[]> {
  const [links, routes] = await Promise.all([host.links.list(), host.links.routes()]);
  const addresses = links.flatMap((link) => link.addresses.map(({ address, prefix }) => `${address}/${prefix}`));
  return [...new Set([...addresses, ...routes.map(({ subnet }) => subnet)])].filter((subnet) => !subnet.endsWith('/0'));
}
