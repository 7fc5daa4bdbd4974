import { Injectable } from '@nestjs/common';

interface Volume {
  pool: string;
  type: string;
  /** On disk. */
  name: string;
}

/** Volumes that this process is making or changing on a member, which may take long and have no row yet. */
@Injectable()
export class UnderWay {
  readonly #volumes = new Set<Volume>();

  async during<T>(volume: Volume, work: () => Promise<T>): Promise<T> {
    this.#volumes.add(volume);
    try {
      return await work();
    } finally {
      this.#volumes.delete(volume);
    }
  }

  /** Also for snapshots ("volume/snapshot"). */
  has({ pool, type, name }: Volume): boolean {
    const own = name.split('/')[0];
    return [...this.#volumes].some((volume) => volume.pool === pool && volume.type === type && volume.name === own);
  }
}
