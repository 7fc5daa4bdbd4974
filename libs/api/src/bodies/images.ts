import { anything, flag, list, map, optional, struct, text, time, whole } from '../schema.js';

/** Only what the gateway must know of it; the images service reads the rest of the JSON. */
export const createImageBody = struct('ImagesPost', {
  filename: text,
  public: flag,
  auto_update: flag,
  properties: map(text),
  profiles: list(text),
  compression_algorithm: text,
  expires_at: optional(time),
  aliases: list(struct('ImageAlias', { name: text, description: text, target: text })),
  source: optional(
    struct('ImagesPostSource', {
      type: text,
      mode: text,
      url: text,
      name: text,
      alias: text,
      fingerprint: text,
      server: text,
      protocol: text,
      certificate: text,
      secret: text,
      project: text,
      image_type: text,
      properties: anything,
    }),
  ),
});
export const updateImageBody = struct('ImagePut', {
  auto_update: optional(flag),
  public: optional(flag),
  properties: map(text),
  expires_at: optional(time),
  profiles: optional(list(text)),
});
export const createAliasBody = struct('ImageAliasesPost', { name: text, description: text, target: text, type: text });
export const updateAliasBody = struct('ImageAliasesEntryPut', { description: optional(text), target: optional(text) });
export const renameAliasBody = struct('ImageAliasesEntryPost', { name: text });

/** Absent fields stay absent, for PATCH; LXD's templates are maps of their own kind. */
export const imageMetadataBody = struct('ImageMetadata', {
  architecture: optional(text),
  creation_date: optional(whole('int64')),
  expiry_date: optional(whole('int64')),
  properties: optional(map(text)),
  templates: optional(
    map(struct('ImageMetadataTemplate', { when: list(text), create_only: flag, template: text, properties: map(text) })),
  ),
});
