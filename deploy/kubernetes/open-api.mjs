// Opens the API of a new installation: sets core.https_address, and core.trust_password where one is given. What an administrator has set stays.
import { cluster, common } from '../../libs/proto/dist/index.js';
import { systemCall } from '../../libs/rpc/dist/index.js';
import { Channel, remote } from '../../libs/rpc/dist/wire-binding.js';
import { readTls } from './health.mjs';

/** What is still unset of what is wanted. */
export function missingConfig(current, { address, password }) {
  return {
    ...(current['core.https_address'] ? {} : { 'core.https_address': address }),
    ...(password && !current['core.trust_password'] ? { 'core.trust_password': password } : {}),
  };
}

export async function openApi(service, wanted) {
  const call = () => systemCall({ timeoutMs: 30_000 });
  const { config } = await service.config(call(), {});
  const missing = missingConfig(config, wanted);
  if (Object.keys(missing).length > 0) await service.updateServer(call(), { config: missing, mode: common.UpdateMode.MERGE, if_match: '' });
  return Object.keys(missing);
}

async function main(env) {
  const channel = new Channel({ address: env.ASTERISM_SERVICE_CLUSTER, tls: readTls(env.ASTERISM_TLS_DIR), serverName: 'asterism' });
  try {
    const set = await openApi(remote(cluster.ClusterDefinition, channel), { address: env.ASTERISM_HTTPS_ADDRESS, password: env.ASTERISM_TRUST_PASSWORD });
    console.log(set.length > 0 ? `set: ${set.join(', ')}` : 'nothing to set');
  } finally {
    channel.close();
  }
}

if (import.meta.main) await main(process.env);
