import { Agents } from '@asterism/agents';
import { Database } from '@asterism/database';
import { Token, type Warnings, type warnings } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { forEach, Rounds, RuntimeInfo } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import { besideFiles, inBoth, type ImageDifference } from './beside-files.js';

const types = { missing: 'Image files missing', unowned: 'Image files without owner' } as const;
const namedAtMost = 5;

/** Compares the rows of images with the files on members, in rounds; nothing is deleted, but told in warnings that end with their cause. */
@Injectable()
export class Upkeep {
  readonly #rounds: Rounds;
  /** What the round before found, by member. */
  readonly #seen = new Map<string, ImageDifference>();

  constructor(
    @Inject(Agents) private readonly agents: Agents,
    @Inject(Database) private readonly database: Database,
    @Inject(Token.Warnings) private readonly warnings: Warnings,
    @Inject(RuntimeInfo) { environment }: RuntimeInfo,
  ) {
    this.#rounds = new Rounds('images', environment.lookAfterSeconds, () => forEach(agents.online(), (member) => this.lookAfter(member)));
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async lookAfter(member: string): Promise<void> {
    const call = systemCall({ timeoutMs: 60_000 });
    const { fingerprints } = await this.agents.on(member).images.kept(call, {});
    // Files come before their location and go before it; those of an image that is being made or deleted are somebody's.
    const known = await this.database.query<{ fingerprint: string; kept: boolean; busy: boolean }>(
      `SELECT i.fingerprint, bool_or(l.member IS NOT NULL) AS kept, bool_or(i.task IS NOT NULL) AS busy
       FROM images.images i LEFT JOIN images.locations l ON l.fingerprint = i.fingerprint AND l.member = $1 GROUP BY i.fingerprint`,
      [member],
    );
    const there = known.filter(({ kept, busy }) => kept || busy).map(({ fingerprint }) => fingerprint);
    const difference = besideFiles(there, fingerprints);
    const sure = inBoth(this.#seen.get(member) ?? { missing: [], unowned: [] }, difference);
    this.#seen.set(member, difference);
    const busy = new Set(known.filter((image) => image.busy).map(({ fingerprint }) => fingerprint));
    await this.warnings.settle(call, { types: Object.values(types), location: member, warnings: told(member, { ...sure, missing: sure.missing.filter((fingerprint) => !busy.has(fingerprint)) }) });
  }
}

function told(location: string, { missing, unowned }: ImageDifference): warnings.RaiseWarning[] {
  const lost = missing.map((fingerprint) => ({
    ...{ project: '', location, type: types.missing, severity: 'high', entity_url: `/1.0/images/${fingerprint}` },
    last_message: `The files of image ${fingerprint} are gone. Delete the image and import it again; instances made of it are not concerned`,
  }));
  if (unowned.length === 0) return lost;
  const names = unowned.slice(0, namedAtMost).join(', ');
  const message = `Nobody knows the files of ${unowned.length > namedAtMost ? `${names} and ${unowned.length - namedAtMost} more` : names}. Remove them by hand from the directory "images" of the member`;
  return [...lost, { project: '', location, type: types.unowned, severity: 'low', last_message: message, entity_url: '/1.0/images' }];
}
