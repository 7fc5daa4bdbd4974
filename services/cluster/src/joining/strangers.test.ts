import { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { createAuthority, issueCertificate, selfSignedCertificate, type Credentials } from '@asterism/certificates';
import { cluster, type Cluster } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { Channel, remote, RpcServer } from '@asterism/rpc/wire';
import { describe, expect, it } from 'vitest';
import { postPinned } from './pinned-request.js';

const here = { commonName: 'asterism', dnsNames: ['asterism', 'localhost'], ipAddresses: ['127.0.0.1'] };
const files = (authority: { certificate: string }, own: Credentials) => ({ ca: Buffer.from(authority.certificate), cert: Buffer.from(own.certificate), key: Buffer.from(own.key) });

describe('the control plane', () => {
  it('answers nobody whose certificate is of another authority, or was revoked', async () => {
    const [ours, others] = await Promise.all([createAuthority('ours'), createAuthority('others')]);
    const [server, member, removed, foreign] = await Promise.all([issueCertificate(ours, here), issueCertificate(ours, here), issueCertificate(ours, here), issueCertificate(others, here)]);
    const revoked = new X509Certificate(removed.certificate).fingerprint256;
    const plane = new RpcServer({ listen: '127.0.0.1:0', tls: files(ours, server), refuses: (fingerprint) => fingerprint() === revoked });
    plane.add(cluster.ClusterDefinition, { getControlPlane: async () => ({ address: 'there', ca: '', certificate: '', key: '' }) } as unknown as Cluster);
    const address = `127.0.0.1:${await plane.listen()}`;
    const ask = async (own: Credentials, authority = ours): Promise<string> => {
      const channel = new Channel({ address, tls: files(authority, own), serverName: 'asterism' });
      try {
        return (await (remote(cluster.ClusterDefinition, channel) as Cluster).getControlPlane(systemCall({ timeoutMs: 3_000 }), {})).address;
      } finally {
        channel.close();
      }
    };
    try {
      await expect(ask(member)).resolves.toBe('there');
      await expect(ask(removed)).rejects.toThrow('This certificate was revoked');
      await expect(ask(foreign)).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(ask(member, others)).rejects.toMatchObject({ kind: 'unavailable' });
    } finally {
      await plane.close(0, 0);
    }
  });
});

describe('a server that joins', () => {
  it('tells nothing to a cluster that shows another certificate than the one it was given', async () => {
    const [shown, given] = await Promise.all([selfSignedCertificate(here), selfSignedCertificate(here)]);
    const heard: Buffer[] = [];
    const server = createServer({ cert: shown.certificate, key: shown.key }, (socket) => socket.on('data', (chunk: Buffer) => heard.push(chunk)).on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await expect(postPinned({ address, certificate: given.certificate }, '/internal/cluster/accept', { password: 'secret' })).rejects.toThrow(`Certificate fingerprint mismatch between the one given and cluster member ${address}`);
      await expect(postPinned({ address, certificate: 'nonsense' }, '/internal/cluster/accept', {})).rejects.toThrow('Invalid cluster certificate');
      expect(Buffer.concat(heard).toString()).toBe('');
    } finally {
      server.close();
    }
  });

  it('is told when nobody answers', async () => {
    const { certificate } = await selfSignedCertificate(here);
    await expect(postPinned({ address: '127.0.0.1:1', certificate }, '/internal/cluster/accept', {})).rejects.toThrow('Cannot reach cluster member 127.0.0.1:1');
  });
});
