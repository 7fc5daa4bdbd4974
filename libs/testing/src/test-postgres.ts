import { startEmbeddedPostgres } from '@asterism/database';
import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestPostgres {
  /** postgres:// URL of a server that nobody else uses. */
  url: string;
  stop(): Promise<void>;
}

/** A real PostgreSQL in a temporary directory; stop() removes every trace. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'asterism-test-db-'));
  await chmod(directory, 0o711);
  const server = await startEmbeddedPostgres(join(directory, 'database'));
  return {
    url: server.url,
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
