import type { Host } from '../host/host.js';
import { readLinks } from './links.js';

interface Route {
  dst: string;
}

/** Every subnet that this host has an address in or a route to; the default route names none. */
export async function usedSubnets(host: Host): Promise<string[]> {
  const routes = async (family: '-4' | '-6'): Promise<string[]> => {
    const { stdout, code } = await host.exec(['ip', '-json', family, 'route', 'show', 'table', 'all'], { okCodes: [0, 1, 2] });
    if (code !== 0) return []; // the kernel has no such family
    const listed = JSON.parse(stdout || '[]') as Route[];
    return listed.flatMap(({ dst }) => (dst === undefined || dst === 'default' ? [] : dst.includes('/') ? [dst] : [`${dst}/${family === '-4' ? 32 : 128}`]));
  };
  const links = await readLinks(host);
  const addresses = links.flatMap((link) => link.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
  return [...new Set([...addresses, ...(await routes('-4')), ...(await routes('-6'))])];
}
