import { apiUrl } from '@asterism/api';
import { Token, type Warnings } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import type { InstanceRow } from '../instance.js';

const type = 'Failed to autostart instance';

/** What becomes of instances that start with their member: nobody waits for an answer, so a failure is a warning. */
@Injectable()
export class Autostarts {
  constructor(@Inject(Token.Warnings) private readonly warnings: Warnings) {}

  async failed({ project, name, member }: InstanceRow, error: unknown): Promise<void> {
    const last_message = `${error instanceof Error ? error.message : String(error)}. Start it by hand once the cause is gone`;
    await this.warnings.raise(systemCall(), { project, location: member, type, severity: 'low', last_message, entity_url: urlOf({ project, name }) }).catch(() => undefined);
  }

  /** However it came to run. */
  async succeeded({ project, name, member }: Pick<InstanceRow, 'project' | 'name' | 'member'>): Promise<void> {
    await this.warnings.resolve(systemCall(), { type, location: member, entity_url: urlOf({ project, name }) }).catch(() => undefined);
  }
}

function urlOf({ project, name }: { project: string; name: string }): string {
  return apiUrl(['instances', name], { project });
}
