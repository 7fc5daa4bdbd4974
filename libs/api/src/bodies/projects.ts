import { flag, list, map, optional, struct, text } from '../schema.js';

export const createProjectBody = struct('ProjectsPost', { name: text, description: text, config: map(text) });
export const updateProjectBody = struct('ProjectPut', { description: optional(text), config: map(text) });
export const renameProjectBody = struct('ProjectPost', { name: text });

export const createProfileBody = struct('ProfilesPost', { name: text, description: text, config: map(text), devices: map(map(text)) });
export const updateProfileBody = struct('ProfilePut', { description: optional(text), config: map(text), devices: map(map(text)) });
export const renameProfileBody = struct('ProfilePost', { name: text });

export const addCertificateBody = struct('CertificatesPost', {
  name: text,
  type: text,
  certificate: text,
  restricted: flag,
  projects: list(text),
  password: text,
  token: flag,
});
export const updateCertificateBody = struct('CertificatePut', {
  name: optional(text),
  type: optional(text),
  restricted: optional(flag),
  projects: optional(list(text)),
  certificate: optional(text),
});
