import { Agents } from '@asterism/agents';
import { Database } from '@asterism/database';
import type { InstanceMetrics, instances } from '@asterism/proto';
import { childCall, type CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { isRunning, type Status } from '../instance.js';
import { OpenMetrics, type Measured } from './open-metrics.js';

/** A member that takes longer is left out of this answer. */
const memberDeadlineMs = 5_000;

interface Measurable {
  id: string;
  project: string;
  name: string;
  type: string;
  member: string;
  status: Status;
}

/** What instances use, as their members measure it: one call to each member. */
@Injectable()
export class MetricsHandler implements InstanceMetrics {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Agents) private readonly agents: Agents,
  ) {}

  async *render(call: CallContext, { projects }: instances.MetricsRequest): AsyncIterable<instances.MetricsText> {
    const rows = await this.database.query<Measurable>(
      `SELECT id, project, name, type, member, status FROM instances.instances WHERE cardinality($1::text[]) = 0 OR project = ANY($1) ORDER BY project, name`,
      [projects],
    );
    const byMember = Map.groupBy(rows.filter(isRunning), ({ member }) => member);
    const metrics = new OpenMetrics();
    await Promise.all([...byMember].map(async ([member, running]) => metrics.add(await this.#ofMember(call, member, running).catch(() => []))));
    metrics.add(counts(rows));
    for (const text of metrics.pieces()) yield { text: Buffer.from(text) };
  }

  async #ofMember(call: CallContext, member: string, running: readonly Measurable[]): Promise<Measured[]> {
    const { by_id } = await this.agents.on(member).instances.measure(childCall(call, { timeoutMs: memberDeadlineMs }), { ids: running.map(({ id }) => id) });
    return running.flatMap(({ id, project, name, type }) => (by_id[id]?.samples ?? []).map(({ metric, labels, value }) => ({ metric, labels: { ...labels, name, project, type }, value })));
  }
}

function counts(rows: readonly Measurable[]): Measured[] {
  const groups = Map.groupBy(rows, ({ project, type }) => JSON.stringify({ project, type }));
  return [...groups].map(([labels, of]) => ({ metric: 'instances', labels: JSON.parse(labels) as Record<string, string>, value: of.length }));
}
