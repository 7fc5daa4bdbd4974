import { Token, type Certificates } from '@asterism/proto';
import { EventBusToken, type EventBus } from '@asterism/events';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { unixIdentity, type Identity } from './identity.js';

const keptMs = 30_000;

/**
 * Tells who is behind a connection. A client certificate is looked up once and remembered shortly; a change of the trust
 * store makes the gateway forget at once.
 */
@Injectable()
export class Trust {
  readonly #known = new Map<string, { identity: Identity; until: number }>();
  #metricsForAll = false;
  readonly #peers = new WeakMap<Socket, { fingerprint: string; der: Buffer; address: string } | { address: string }>();

  constructor(
    @Inject(Token.Certificates) private readonly certificates: Certificates,
    @Inject(EventBusToken) private readonly bus: EventBus,
  ) {}

  async start(): Promise<void> {
    await this.bus.subscribe(['certificates.changed'], () => this.#known.clear());
  }

  /** Whether strangers may read metrics (core.metrics_authentication). */
  openMetrics(forAll: boolean): void {
    if (forAll !== this.#metricsForAll) this.#known.clear();
    this.#metricsForAll = forAll;
  }

  /** At once where that is possible, so that the usual request costs no turn of the event loop. */
  identify(socket: Socket): Identity | Promise<Identity> {
    if (!(socket instanceof TLSSocket)) return unixIdentity;
    const peer = this.#peer(socket);
    if (!('fingerprint' in peer)) return this.#stranger(peer.address);
    const known = this.#known.get(peer.fingerprint);
    if (known && known.until > performance.now()) return { ...known.identity, address: peer.address };
    return this.#lookUp(peer);
  }

  async #lookUp(peer: { fingerprint: string; der: Buffer; address: string }): Promise<Identity> {
    const found = await this.certificates.identify(systemCall(), { der: peer.der });
    const identity: Identity = found.trusted && found.type !== 'metrics'
      ? {
          trusted: true,
          admin: !found.restricted,
          local: false,
          username: found.fingerprint,
          protocol: 'tls',
          address: peer.address,
          certificate: peer.der,
          ...(found.restricted ? { projects: found.projects } : {}),
        }
      : { ...this.#stranger(peer.address), certificate: peer.der, ...(found.trusted ? { measures: true, ...(found.restricted ? { projects: found.projects } : {}) } : {}) };
    if (this.#known.size > 10_000) this.#known.clear();
    this.#known.set(peer.fingerprint, { identity, until: performance.now() + keptMs });
    return identity;
  }

  #stranger(address: string): Identity {
    return { trusted: false, admin: false, local: false, username: '', protocol: '', address, ...(this.#metricsForAll ? { measures: true } : {}) };
  }

  #peer(socket: TLSSocket) {
    let peer = this.#peers.get(socket);
    if (!peer) {
      const address = `${socket.remoteAddress?.includes(':') ? `[${socket.remoteAddress}]` : socket.remoteAddress}:${socket.remotePort}`;
      const der = socket.getPeerCertificate().raw as Buffer | undefined;
      peer = der ? { der, fingerprint: createHash('sha256').update(der).digest('hex'), address } : { address };
      this.#peers.set(socket, peer);
    }
    return peer;
  }
}

