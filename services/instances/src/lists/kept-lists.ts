import { Inject, Injectable } from '@nestjs/common';
import { DocumentStore, type RenderedInstance, type Selection } from './document.store.js';

/** Of all lists together; some 30 MB. */
const rowsAtMost = 20_000;
/** Of one list; longer ones are read in pages. */
const longest = 12_000;

export interface KeptList {
  readonly version: string;
  readonly rows: readonly RenderedInstance[];
  /** The rows as one JSON array, made when it is first asked for. */
  json(): Buffer;
}

/**
 * Lists as they were rendered last. Each is good for as long as the database holds the very row versions it was made of, which costs a tenth of
 * rendering it to ask and is asked every time.
 */
@Injectable()
export class KeptLists {
  /** The one asked for longest ago comes first. */
  readonly #lists = new Map<string, KeptList>();

  constructor(@Inject(DocumentStore) private readonly documents: DocumentStore) {}

  async of(selection: Selection): Promise<KeptList> {
    const key = JSON.stringify(selection);
    const kept = this.#lists.get(key);
    const list = kept && (await this.documents.version(selection)) === kept.version ? kept : await this.#render(selection);
    this.#lists.delete(key);
    if (list.rows.length <= longest) this.#lists.set(key, list);
    this.#forgetOldest();
    return list;
  }

  /** Undefined for a list that is too long to be kept. */
  async ofShort(selection: Selection): Promise<KeptList | undefined> {
    if (!this.#lists.has(JSON.stringify(selection)) && (await this.documents.isLongerThan(selection, longest))) return undefined;
    return this.of(selection);
  }

  async #render(selection: Selection): Promise<KeptList> {
    const { version, rows } = await this.documents.versioned(selection);
    let json: Buffer | undefined;
    return { version, rows, json: () => (json ??= Buffer.from(`[${rows.map((row) => row.json).join(',')}]`)) };
  }

  #forgetOldest(): void {
    let rows = 0;
    for (const list of this.#lists.values()) rows += list.rows.length;
    for (const [key, list] of this.#lists) {
      if (rows <= rowsAtMost) return;
      this.#lists.delete(key);
      rows -= list.rows.length;
    }
  }
}
