/** One lease as the API lists it, before the control plane adds where it is. */
export interface Lease {
  hostname: string;
  hwaddr: string;
  address: string;
  type: 'dynamic';
}

/** Reads dnsmasq's lease file: "<expiry> <MAC or IAID> <address> <hostname> <client id>" a line. */
export function parseLeases(text: string): Lease[] {
  return text.split('\n').flatMap((line): Lease[] => {
    const [, id, address, hostname, client, ...rest] = line.split(' ');
    if (id === undefined || address === undefined || hostname === undefined || client === undefined || rest.length > 0) return [];
    // DHCPv6 gives no MAC of its own: the client's id ends in it.
    const hwaddr = id.length < 17 && client.length >= 17 ? client.slice(-17) : id;
    return [{ hostname, hwaddr: hwaddr.toLowerCase(), address, type: 'dynamic' }];
  });
}
