import { Inject, Injectable } from '@nestjs/common';
import { Database, type Unit } from '@asterism/database';

export interface CertificateRow {
  id: string;
  fingerprint: string;
  type: string;
  name: string;
  certificate: string;
  restricted: boolean;
  projects: string[];
}

export interface TokenRow {
  operation_id: string;
  name: string;
  type: string;
  restricted: boolean;
  projects: string[];
}

const select = `
  SELECT c.id, c.fingerprint, c.type, c.name, c.certificate, c.restricted,
    ARRAY(SELECT p.name FROM projects.certificate_projects cp JOIN projects.projects p ON p.id = cp.project_id WHERE cp.certificate_id = c.id ORDER BY p.name) AS projects
  FROM projects.certificates c`;

/** The trust store: certificates, the projects they are confined to, and join tokens. */
@Injectable()
export class CertificateStore {
  constructor(@Inject(Database) private readonly database: Database) {}

  list(): Promise<CertificateRow[]> {
    return this.database.query(`${select} ORDER BY c.fingerprint`);
  }

  async find(fingerprint: string): Promise<CertificateRow | undefined> {
    return (await this.database.query<CertificateRow>(`${select} WHERE c.fingerprint = $1`, [fingerprint]))[0];
  }

  /** As it is, until the transaction ends. */
  async lock(unit: Unit, id: string): Promise<CertificateRow | undefined> {
    await unit.query('SELECT 1 FROM projects.certificates WHERE id = $1 FOR UPDATE', [id]);
    return (await unit.query<CertificateRow>(`${select} WHERE c.id = $1`, [id]))[0];
  }

  /** Those whose fingerprint begins with a prefix; two at most. */
  startingWith(prefix: string): Promise<CertificateRow[]> {
    return this.database.query(`${select} WHERE left(c.fingerprint, length($1)) = $1 ORDER BY c.fingerprint LIMIT 2`, [prefix]);
  }

  async insert(unit: Unit, row: Omit<CertificateRow, 'id' | 'projects'>, projectIds: readonly string[]): Promise<void> {
    const inserted = await unit.query<{ id: string }>(
      'INSERT INTO projects.certificates (fingerprint, type, name, certificate, restricted) VALUES ($1, $2, $3, $4, $5) RETURNING id',
      [row.fingerprint, row.type, row.name, row.certificate, row.restricted],
    );
    await this.#setProjects(unit, inserted[0]!.id, projectIds);
  }

  async update(unit: Unit, row: Omit<CertificateRow, 'projects' | 'type'>, projectIds: readonly string[]): Promise<void> {
    await unit.query('UPDATE projects.certificates SET fingerprint = $2, name = $3, certificate = $4, restricted = $5 WHERE id = $1', [row.id, row.fingerprint, row.name, row.certificate, row.restricted]);
    await this.#setProjects(unit, row.id, projectIds);
  }

  async delete(unit: Unit, id: string): Promise<void> {
    await unit.query('DELETE FROM projects.certificates WHERE id = $1', [id]);
  }

  async insertToken(unit: Unit, token: TokenRow, secretHash: string): Promise<void> {
    await unit.query('INSERT INTO projects.trust_tokens (operation_id, secret_hash, name, type, restricted, projects) VALUES ($1, $2, $3, $4, $5, $6)', [
      token.operation_id,
      secretHash,
      token.name,
      token.type,
      token.restricted,
      token.projects,
    ]);
  }

  /** Reads and removes in one step, so that a token is used once. */
  async takeToken(unit: Unit, secretHash: string): Promise<TokenRow | undefined> {
    return (await unit.query<TokenRow>('DELETE FROM projects.trust_tokens WHERE secret_hash = $1 RETURNING operation_id, name, type, restricted, projects', [secretHash]))[0];
  }

  async #setProjects(unit: Unit, certificateId: string, projectIds: readonly string[]): Promise<void> {
    await unit.query('DELETE FROM projects.certificate_projects WHERE certificate_id = $1', [certificateId]);
    await unit.query('INSERT INTO projects.certificate_projects (certificate_id, project_id) SELECT $1, unnest($2::uuid[])', [certificateId, projectIds]);
  }
}
