import type { ProxyAddress } from '@asterism/config-keys';

/** Where a side of a proxy is: on the host, or inside an instance by its first process. */
export type Place = 'host' | { pid: number; startTime: number };

/** A proxy as its forwarder is told of it; all ids are the host's. */
export interface Proxy {
  /** Tells it from the others of this forwarder. */
  key: string;
  listen: { at: Place; address: ProxyAddress; /** Of a socket with a path. */ owner: { uid: number; gid: number; mode: number } };
  connect: { at: Place; address: ProxyAddress; /** Who connects. */ as: { uid: number; gid: number } };
  /** Whether each connection begins with who it comes from (version 1 of the PROXY protocol). */
  proxyHeader: boolean;
}

export type ForwarderRequest = { open: Proxy } | { close: string };
export type ForwarderAnswer = { error?: string };
