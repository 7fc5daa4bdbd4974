import { Inject, Injectable } from '@nestjs/common';
import { serverKeys } from '@asterism/config-keys';
import { LxdError, isKind } from '@asterism/errors';
import { Token, type StorageVolumes } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

type Config = Readonly<Record<string, string>>;

const keys = [
  { name: serverKeys.storageBackupsVolume.name, kind: 'backups' },
  { name: serverKeys.storageImagesVolume.name, kind: 'images' },
];

/** The keys that name volumes for the server's own files, and those files. */
@Injectable()
export class ServerVolumes {
  constructor(@Inject(Token.StorageVolumes) private readonly volumes: StorageVolumes) {}

  /** Refuses a configuration whose volumes will not do. */
  async require(call: CallContext, member: string, { current, next }: { current: Config; next: Config }): Promise<void> {
    for (const { name, kind } of keys) {
      const volume = next[name] ?? '';
      if (volume === '' || volume === current[name]) continue;
      await this.volumes.keepServerFiles(call, { kind, volume, member, try_only: true }).catch((error: unknown) => {
        throw isKind(error, 'bad-request') ? new LxdError('bad-request', `Failed validation of "${name}": ${error.message}`, { cause: error }) : error;
      });
    }
  }

  /** Moves the files to where the configuration wants them. */
  async move(call: CallContext, member: string, { current, next }: { current: Config; next: Config }): Promise<void> {
    for (const { name, kind } of keys) {
      if (next[name] || current[name]) await this.volumes.keepServerFiles(call, { kind, volume: next[name] ?? '', member, try_only: false });
    }
  }

  /** A configuration whose files could not be moved: they are where they were. */
  asBefore(config: Config, before: Config): Record<string, string> {
    const kept = Object.fromEntries(keys.flatMap(({ name }) => (before[name] ? [[name, before[name]]] : [])));
    return { ...Object.fromEntries(Object.entries(config).filter(([key]) => !keys.some(({ name }) => name === key))), ...kept };
  }
}
