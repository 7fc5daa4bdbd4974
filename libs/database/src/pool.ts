import 'reflect-metadata';
import { DataSource } from 'typeorm';

export interface PoolOptions {
  /** postgres:// URL; a directory of a unix socket goes in ?host= */
  url: string;
  /** Connections at most; each costs the server some megabytes. */
  connections?: number;
  applicationName?: string;
}

/** Opens the connections of one process to PostgreSQL. The schemas of several services may share them (standalone). */
export async function openPool(options: PoolOptions): Promise<DataSource> {
  const source = new DataSource({
    type: 'postgres',
    url: options.url,
    poolSize: options.connections ?? 8,
    applicationName: options.applicationName ?? 'asterism',
    installExtensions: false,
    extra: { idleTimeoutMillis: 30_000, pipeline: true },
    logging: false,
  });
  return source.initialize();
}
