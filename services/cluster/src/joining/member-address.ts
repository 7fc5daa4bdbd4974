import { isIP } from 'node:net';
import { parseListenAddress } from '../config/listen-address.js';

/** The agents and the control plane listen one port above the API of their member. */
export function agentAddressOf(serverAddress: string): string {
  const { host, port } = parseListenAddress(serverAddress);
  return `${host.includes(':') ? `[${host}]` : host}:${Number(port) + 1}`;
}

/** With its port, as members are listed. */
export function canonicalAddress(address: string): string {
  const { host, port } = parseListenAddress(address);
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Others cannot reach it. */
export function isWildcard(address: string): boolean {
  const { host } = parseListenAddress(address);
  return host === '' || host === '::' || host === '0.0.0.0';
}

/** For the certificate that is shown there. */
export function namesOf(address: string): { dnsNames: string[]; ipAddresses: string[] } {
  const { host } = parseListenAddress(address);
  return isIP(host) ? { dnsNames: ['asterism'], ipAddresses: [host] } : { dnsNames: ['asterism', host], ipAddresses: [] };
}
