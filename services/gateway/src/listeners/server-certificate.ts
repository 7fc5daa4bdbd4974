import { RuntimeInfo } from '@asterism/service';
import { Inject, Injectable } from '@nestjs/common';
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** The certificate the API shows: server.crt and server.key of the state directory, made on the first start. */
@Injectable()
export class ServerCertificate {
  pem = '';
  key = '';
  /** SHA-256 of the DER, hex. */
  fingerprint = '';

  constructor(@Inject(RuntimeInfo) private readonly runtime: RuntimeInfo) {}

  async load(): Promise<void> {
    const directory = this.runtime.environment.stateDir;
    const isMember = this.runtime.composition === 'member';
    // Every member of a cluster shows the same.
    const paths = { certificate: join(directory, isMember ? 'cluster.crt' : 'server.crt'), key: join(directory, isMember ? 'cluster.key' : 'server.key') };
    try {
      [this.pem, this.key] = await Promise.all([readFile(paths.certificate, 'utf8'), readFile(paths.key, 'utf8')]);
    } catch (error) {
      if (isMember || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(directory, { recursive: true });
      const made = await (await import('@asterism/certificates')).selfSignedCertificate({
        commonName: `root@${hostname()}`,
        organization: 'linuxcontainers.org',
        dnsNames: [hostname()],
        ipAddresses: ['127.0.0.1', '::1'],
      });
      await write(paths.key, made.key, 0o600);
      await write(paths.certificate, made.certificate, 0o644);
      this.pem = made.certificate;
      this.key = made.key;
    }
    if (!this.pem.endsWith('\n')) this.pem += '\n';
    this.fingerprint = new X509Certificate(this.pem).fingerprint256.replaceAll(':', '').toLowerCase();
  }
}

async function write(path: string, text: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
