import { closeSync } from 'node:fs';
import { decodeNotification, encodeAnswer } from './notification.js';
import { acceptPeer, readable, receive, send } from './seqpacket.js';
import { Threads } from './threads.js';

const pollMs = 1000;

/** The other end of a connection: a number alone may be given to another one as soon as it is closed. */
interface Peer {
  fd: number;
}

/** Answers for the monitors of containers: each has a connection, and asks one question at a time. */
export class Interceptor {
  readonly #threads: Threads;
  readonly #peers = new Map<number, Peer>();
  #open = true;

  /**
   * @param listener the socket that monitors connect to
   * @param policies the directory where what an instance may is written, by its cookie
   */
  constructor(
    private readonly listener: number,
    policies: string,
  ) {
    this.#threads = new Threads(policies);
  }

  get isIdle(): boolean {
    return this.#peers.size === 0;
  }

  /** Until it is stopped. */
  async serve(): Promise<void> {
    while (this.#open) {
      for (const fd of await readable([this.listener, ...this.#peers.keys()], pollMs)) {
        const peer = this.#peers.get(fd);
        if (fd === this.listener) this.#accept();
        else if (peer) this.#hear(peer);
      }
    }
    for (const fd of this.#peers.keys()) closeSync(fd);
  }

  stop(): void {
    this.#open = false;
  }

  #accept(): void {
    const fd = acceptPeer(this.listener);
    this.#peers.set(fd, { fd });
  }

  #hear(peer: Peer): void {
    const received = receive(peer.fd);
    if (received === 'nothing') return;
    const notification = received && decodeNotification(received.bytes);
    if (!notification || received.descriptors.length !== 3) {
      for (const descriptor of received?.descriptors ?? []) closeSync(descriptor);
      return this.#leave(peer);
    }
    const [directory, memory, listener] = received.descriptors as [number, number, number];
    void this.#threads.handle(notification.cookie, received.bytes, { directory, memory, listener }).then((verdict) => {
      if (this.#peers.get(peer.fd) === peer && !send(peer.fd, encodeAnswer(received.bytes, verdict))) this.#leave(peer);
    });
  }

  #leave({ fd }: Peer): void {
    this.#peers.delete(fd);
    closeSync(fd);
  }
}
