import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';
import { EventBusToken, type EventBus, type Subscription } from '@asterism/events';
import type { InstanceFacts } from './facts.js';

/** How long an instance that passed the gate counts before its own record is there. */
const seconds = 5;
/** Instances that are gone are forgotten together a little later. */
const forgetMs = 20;

/** Instances on their way: of several that are made at once, each sees those before it. */
@Injectable()
export class AdmissionStore implements OnApplicationShutdown {
  #subscription: Subscription | undefined;
  #gone: { project: string; instance: string }[] = [];
  #forgetting: NodeJS.Timeout | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventBusToken) private readonly bus: EventBus,
  ) {}

  /** An instance that is deleted at once makes room soon. */
  async follow(): Promise<void> {
    this.#subscription = await this.bus.subscribe(['lifecycle'], async ({ payload: { action, source, project } }) => {
      if (action !== 'instance-deleted') return;
      this.#gone.push({ project, instance: decodeURIComponent(source.split('?')[0]!.split('/').at(-1)!) });
      this.#forgetting ??= setTimeout(() => void this.#forget().catch(() => undefined), forgetMs);
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#subscription?.close();
    clearTimeout(this.#forgetting);
  }

  /** Lets one creation in a project through at a time. */
  inTurn<T>(projectId: string, decide: (unit: Unit) => Promise<T>): Promise<T> {
    return this.database.transact(async (unit) => {
      await unit.query('SELECT 1 FROM projects.projects WHERE id = $1 FOR UPDATE', [projectId]);
      return decide(unit);
    });
  }

  async list(unit: Unit, projectId: string): Promise<InstanceFacts[]> {
    await unit.query('DELETE FROM projects.admissions WHERE until < now()');
    const rows = await unit.query<{ facts: InstanceFacts }>('SELECT facts FROM projects.admissions WHERE project_id = $1', [projectId]);
    return rows.map((row) => row.facts);
  }

  async insert(unit: Unit, projectId: string, instance: InstanceFacts): Promise<void> {
    await unit.query(
      `INSERT INTO projects.admissions (project_id, instance, facts, until) VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
       ON CONFLICT (project_id, instance) DO UPDATE SET facts = excluded.facts, until = excluded.until`,
      [projectId, instance.name, instance, seconds],
    );
  }

  /** What could not be forgotten counts no longer after some seconds anyway. */
  async #forget(): Promise<void> {
    this.#forgetting = undefined;
    await this.database.query(
      `DELETE FROM projects.admissions a USING projects.projects p, jsonb_to_recordset($1::jsonb) AS gone(project text, instance text)
       WHERE a.project_id = p.id AND p.name = gone.project AND a.instance = gone.instance`,
      [JSON.stringify(this.#gone.splice(0))],
    );
  }
}
