import type { AsterismService } from './define-service.js';

/** Runs one service alone in this process: gRPC with mutual TLS, health, clean shutdown on SIGTERM and SIGINT. */
export async function runService(service: AsterismService): Promise<void> {
  const { serveProcess } = await import('./serve-process.js');
  await serveProcess(service);
}
