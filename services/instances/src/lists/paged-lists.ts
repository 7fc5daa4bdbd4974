import { matchesFilter, type FilterClause } from '@asterism/api';
import type { common } from '@asterism/proto';
import { Inject, Injectable } from '@nestjs/common';
import { cursorOf, placeOf, type Place } from './cursor.js';
import { DocumentStore, type PlacedInstance, type Selection } from './document.store.js';
import { narrowing } from './narrowing.js';

/** By recursion, where nobody says how many: answers of one or two megabytes. */
const usualLimit = [10_000, 2_000, 1_000] as const;
const limitAtMost = 10_000;
/** Rows that one answer may look at for a filter that the database cannot decide. */
const lookAtMost = 20_000;
const lookAtOnce = 2_000;

export interface RowsOfPage {
  rows: readonly PlacedInstance[];
  next?: string;
}

/** Parts of lists of any length, by index: a page costs what it holds, wherever it is. */
@Injectable()
export class PagedLists {
  constructor(@Inject(DocumentStore) private readonly documents: DocumentStore) {}

  /** A page may be shorter than asked for, and still name a next one. */
  async of(selection: Selection, clauses: readonly FilterClause[], { page, recursion }: { page: common.Page; recursion: number }): Promise<RowsOfPage> {
    const limit = Math.min(page.limit || (usualLimit[recursion] ?? limitAtMost), limitAtMost);
    const narrowed = { ...selection, conditions: narrowing(clauses) };
    const rendered = recursion > 0 || clauses.length > 0;
    const rows: PlacedInstance[] = [];
    let after = page.after === '' ? undefined : placeOf(page.after);
    for (let looked = 0; looked < lookAtMost; ) {
      const atOnce = clauses.length > narrowed.conditions.length ? lookAtOnce : limit - rows.length + 1;
      const found = await this.documents.page(narrowed, { after, limit: atOnce, rendered });
      for (const row of found) {
        if (clauses.length > 0 && !matchesFilter(JSON.parse(row.json), clauses)) continue;
        if (rows.length === limit) return { rows, next: cursorOf(placeOfRow(rows.at(-1)!)) };
        rows.push(row);
      }
      if (found.length < atOnce) return { rows };
      looked += found.length;
      after = placeOfRow(found.at(-1)!);
    }
    return { rows, next: cursorOf(after!) };
  }
}

function placeOfRow({ at, name, id }: PlacedInstance): Place {
  return { createdAt: at, name, id };
}
