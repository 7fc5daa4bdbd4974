import { randomUUID } from 'node:crypto';
import { Agents } from '@asterism/agents';
import { Database } from '@asterism/database';
import { LxdError, fromUnknown } from '@asterism/errors';
import type { images } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { exportImage } from './export-image.js';
import type { ImageRow } from './image.js';
import { membersOf } from './image.store.js';
import { copyToMember, placeImage } from './place-image.js';
import { UploadBody, arrivalOf, filenameOf, type Arrival } from './upload.js';

export interface TakenUpload {
  header: images.UploadHeader;
  uploadId: string;
  member: string;
  arrival: Arrival;
}

/** The files of images, which lie on members. */
@Injectable()
export class ImageFiles {
  readonly #placing = new Map<string, Promise<void>>();

  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** Passes an upload on to a member. Throws when the sender goes away; a body that is no image is an answer, for the operation to tell. */
  async take(call: CallContext, frames: AsyncIterable<images.UploadFrame>): Promise<TakenUpload> {
    const body = await UploadBody.open(frames);
    const [member] = this.agents.online();
    if (member === undefined) throw new LxdError('unavailable', 'No cluster member is available');
    const uploadId = randomUUID();
    const arrival = await this.#pass(call, body, { member, uploadId });
    return { header: body.header, uploadId, member, arrival };
  }

  /** Makes sure that the image lies on the member. Who wants the same at the same time shares the copy. */
  place(call: CallContext, member: string, image: ImageRow): Promise<void> {
    if (!this.agents.isClustered) return this.#place(call, member, image);
    return this.#shared(`${member} ${image.fingerprint}`, () => this.#place(call, member, image));
  }

  /** A further copy of an image. */
  replicate(call: CallContext, member: string, fingerprint: string): Promise<void> {
    return this.#shared(`${member} ${fingerprint}`, () => copyToMember(call, { agents: this.agents, database: this.database, member }, fingerprint));
  }

  #place(call: CallContext, member: string, image: ImageRow): Promise<void> {
    return placeImage(call, { agents: this.agents, database: this.database, member }, image);
  }

  #shared(key: string, copy: () => Promise<void>): Promise<void> {
    const running = this.#placing.get(key);
    if (running) return running;
    const placing = copy().finally(() => this.#placing.delete(key));
    this.#placing.set(key, placing);
    return placing;
  }

  async *export(call: CallContext, image: ImageRow): AsyncIterable<images.ExportFrame> {
    const members = await membersOf(this.database, image.fingerprint);
    const member = members.find((candidate) => this.agents.online().includes(candidate));
    if (member === undefined) throw new LxdError('unavailable', `Image ${image.fingerprint} is on no member that can be reached`);
    yield* exportImage(call, this.agents.on(member).images, image);
  }

  async #pass(call: CallContext, body: UploadBody, to: { member: string; uploadId: string }): Promise<Arrival> {
    try {
      const received = await this.agents.on(to.member).images.receive(call, body.parts(to.uploadId));
      return arrivalOf(received, filenameOf(body));
    } catch (error) {
      if (body.broken) throw body.broken;
      const { kind, message } = body.refused ?? fromUnknown(error);
      await body.drain();
      return { refused: { kind, message } };
    }
  }
}
