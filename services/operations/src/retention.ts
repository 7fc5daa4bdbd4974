import { projectKeys, serverKeys, type ConfigKey } from '@asterism/config-keys';
import { Token, type Cluster, type Projects } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';

/** How long what is kept. */
export interface Retention {
  operationDays: number;
  /** Of projects that have their own. */
  operationDaysOf: Record<string, number>;
  eventDays: number;
  keyHours: number;
}

type Config = Readonly<Record<string, string>>;

/** Reads it from the configuration of the server and of the projects. */
@Injectable()
export class RetentionConfig {
  constructor(
    @Inject(Token.Cluster) private readonly cluster: Cluster,
    @Inject(Token.Projects) private readonly projects: Projects,
  ) {}

  async read(): Promise<Retention> {
    const call = systemCall({ timeoutMs: 5_000 });
    const [{ config }, listed] = await Promise.all([
      this.cluster.config(call, {}),
      this.projects.list(call, { project: 'default', all_projects: true, recursion: 1, filter: '', visible_projects: [] }),
    ]);
    return retention(config, JSON.parse(listed.json.toString()) as { name: string; config: Config }[]);
  }
}

export function retention(config: Config, projects: readonly { name: string; config: Config }[]): Retention {
  const own = projects.flatMap((project) => (project.config[projectKeys.operationsRetention.name] ? [[project.name, number(project.config, projectKeys.operationsRetention)]] : []));
  return {
    operationDays: number(config, serverKeys.operationsRetention),
    operationDaysOf: Object.fromEntries(own) as Record<string, number>,
    eventDays: number(config, serverKeys.eventsRetention),
    keyHours: number(config, serverKeys.idempotencyRetention),
  };
}

function number(config: Config, key: ConfigKey): number {
  return Number(config[key.name] || key.defaultValue);
}
