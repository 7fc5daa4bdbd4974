import { Token, type Warnings } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { RuntimeInfo } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import { linuxHost } from '../host/linux-host.js';
import { hostWarnings } from './host-warnings.js';
import { Sysfs } from './sysfs.js';

/** At each start of the agent: what the host lacks is a warning, what it has again is one no more. */
@Injectable()
export class RaiseHostWarnings {
  constructor(
    @Inject(RuntimeInfo) private readonly runtime: RuntimeInfo,
    @Inject(Token.Warnings) private readonly warnings: Warnings,
  ) {}

  async start(): Promise<void> {
    const call = systemCall({ timeoutMs: 10_000 });
    const location = this.runtime.environment.member;
    for (const { type, message, holds } of await hostWarnings(new Sysfs(linuxHost().files))) {
      if (holds) await this.warnings.raise(call, { project: '', location, type, severity: 'low', last_message: message, entity_url: '' });
      else await this.warnings.resolve(call, { type, location, entity_url: '' });
    }
  }
}
