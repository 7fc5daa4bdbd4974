/**
 * Fields and headers that the reference 5.0.2 has and the target (extensions up to `server_trusted_proxy`) has not. They are dropped from both sides.
 * A name without a dot is dropped from every JSON object and from every "name: value" line; `parent.name` only below that parent.
 */
export const newerThanTarget: Record<string, string> = {
  server_event_mode: 'event_hub',
  storage_supported_drivers: 'server_supported_storage_drivers',
  allow_inconsistent: 'instance_allow_inconsistent_copy',
};
