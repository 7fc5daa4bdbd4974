import { health } from '@asterism/proto';
import type { Service } from '@asterism/rpc';

export const HealthDefinition = health.HealthDefinition;

export function healthHandler(isReady: () => boolean): Service<typeof HealthDefinition> {
  const { SERVING, NOT_SERVING } = health.HealthCheckResponse_ServingStatus;
  return { check: async () => ({ status: isReady() ? SERVING : NOT_SERVING }) };
}
