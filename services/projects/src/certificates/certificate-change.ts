import { LxdError } from '@asterism/errors';
import { common, type certificates } from '@asterism/proto';
import { readCertificate } from './certificate-text.js';
import type { CertificateRow } from './certificate.store.js';

export interface CertificateChange {
  fingerprint: string;
  certificate: string;
  name: string;
  restricted: boolean;
  projects: string[];
}

/** What an entry becomes; refuses what this caller may not change. */
export function changeCertificate(row: CertificateRow, request: certificates.UpdateCertificate): CertificateChange {
  const merge = request.mode === common.UpdateMode.MERGE;
  const wanted = {
    name: request.name ?? (merge ? row.name : ''),
    type: request.type ?? (merge ? row.type : ''),
    restricted: request.restricted ?? (merge ? row.restricted : false),
    projects: merge && request.projects.length === 0 ? row.projects : request.projects,
  };
  if (wanted.type !== row.type) throw new LxdError('forbidden', 'The certificate type cannot be changed');
  const same = wanted.name === row.name && wanted.restricted === row.restricted && sameSet(wanted.projects, row.projects);
  if (!request.admin && !same) throw new LxdError('forbidden', 'Only the certificate can be changed');
  const { name, restricted, projects } = wanted;
  if (!request.certificate) return { fingerprint: row.fingerprint, certificate: row.certificate, name, restricted, projects };
  const read = readCertificate(request.certificate);
  return { fingerprint: read.fingerprint, certificate: read.pem, name, restricted, projects };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return new Set(a).size === new Set(b).size && a.every((item) => b.includes(item));
}
