import { sortedMap } from '@asterism/api';

/** Where an image is refreshed from; fields in the API's order. */
export interface UpdateSource {
  alias: string;
  certificate: string;
  protocol: string;
  server: string;
  image_type: string;
}

/** A row of images.images with its aliases; times are RFC 3339 as Go writes them. */
export interface ImageRow {
  project: string;
  fingerprint: string;
  filename: string;
  size: number;
  public: boolean;
  auto_update: boolean;
  cached: boolean;
  architecture: string;
  type: 'container' | 'virtual-machine';
  created_at: string;
  expires_at: string;
  uploaded_at: string;
  last_used_at: string;
  properties: Record<string, string>;
  profiles: string[];
  aliases: { name: string; description: string }[];
  update_source: UpdateSource | null;
}

/** LXD's Image, fields in its order. */
export function imageJson(row: ImageRow): Record<string, unknown> {
  return {
    auto_update: row.auto_update,
    properties: sortedMap(row.properties),
    public: row.public,
    expires_at: row.expires_at,
    profiles: row.profiles,
    aliases: row.aliases,
    architecture: row.architecture,
    cached: row.cached,
    filename: row.filename,
    fingerprint: row.fingerprint,
    size: row.size,
    ...(row.update_source ? { update_source: updateSourceJson(row.update_source) } : {}),
    type: row.type,
    created_at: row.created_at,
    last_used_at: row.last_used_at,
    uploaded_at: row.uploaded_at,
  };
}

/** What an image's ETag covers. */
export function imageEtag(row: ImageRow): unknown {
  return [row.public, row.auto_update, sortedMap(row.properties)];
}

/** PostgreSQL keeps no order of keys. */
function updateSourceJson({ alias, certificate, protocol, server, image_type }: UpdateSource): UpdateSource {
  return { alias, certificate, protocol, server, image_type };
}
