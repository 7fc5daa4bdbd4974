import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthority, issueCertificate } from '@asterism/certificates';
import { cluster, health } from '../../libs/proto/dist/index.js';
import { Channel, remote, RpcServer } from '../../libs/rpc/dist/wire-binding.js';
import { requireServing } from './health.mjs';
import { missingConfig, openApi } from './open-api.mjs';

const { SERVING, NOT_SERVING } = health.HealthCheckResponse_ServingStatus;
let status = SERVING;
let config = {};
let server;
let address;
let tls;

async function tlsOf(authority) {
  const own = await issueCertificate(authority, { commonName: 'cluster', dnsNames: ['asterism'] });
  return { ca: Buffer.from(authority.certificate), cert: Buffer.from(own.certificate), key: Buffer.from(own.key) };
}

beforeAll(async () => {
  tls = await tlsOf(await createAuthority('Asterism'));
  server = new RpcServer({ listen: '127.0.0.1:0', tls });
  server.add(health.HealthDefinition, { check: async () => ({ status }) });
  server.add(cluster.ClusterDefinition, {
    config: async () => ({ config }),
    updateServer: async (_call, request) => {
      config = { ...config, ...request.config };
      return {};
    },
  });
  address = `127.0.0.1:${await server.listen()}`;
});

afterAll(() => server.close(100));

test('a service that serves is told from one that starts and one that knows another authority', async () => {
  await requireServing(address, tls);
  status = NOT_SERVING;
  await expect(requireServing(address, tls)).rejects.toThrow('starting or stopping');
  await expect(requireServing(address, await tlsOf(await createAuthority('Asterism')), 500)).rejects.toThrow();
});

test('the API is opened where it is not, and stays as the administrator set it', async () => {
  const channel = new Channel({ address, tls, serverName: 'asterism' });
  const service = remote(cluster.ClusterDefinition, channel);
  expect(await openApi(service, { address: '[::]:8443', password: undefined })).toEqual(['core.https_address']);
  expect(await openApi(service, { address: '[::]:9443', password: undefined })).toEqual([]);
  channel.close();
  expect(config).toEqual({ 'core.https_address': '[::]:8443' });
  expect(missingConfig(config, { address: '[::]:8443', password: 'p' })).toEqual({ 'core.trust_password': 'p' });
});
