import type { KeyTable } from '../key.js';
import { bool, type Validator } from '../validators.js';
import { fileMode, unixId } from './device-validators.js';
import { parseProxyAddress } from './proxy-address.js';

const side: Validator = (value) => {
  const parsed = parseProxyAddress(value);
  return typeof parsed === 'string' ? parsed : undefined;
};
const bindSide: Validator = (value) => (['host', 'instance', 'guest', 'container'].includes(value) ? undefined : 'Invalid binding side given. Must be "host" or "instance"');

/** Options of proxy devices (for container; VM with nat=true). */
export const proxyKeys = {
  listen: { name: 'listen', type: 'string', description: 'Where to listen', validate: side, required: true, live: 'no' },
  connect: { name: 'connect', type: 'list', description: 'Where to connect', validate: side, required: true, live: 'no' },
  bind: { name: 'bind', type: 'string', description: 'Side that listens', validate: bindSide, defaultValue: 'host', live: 'no' },
  uid: { name: 'uid', type: 'integer', description: 'Socket owner', validate: unixId, defaultValue: '0', live: 'no', condition: 'listen is a path unix socket' },
  gid: { name: 'gid', type: 'integer', description: 'Socket group', validate: unixId, defaultValue: '0', live: 'no', condition: 'listen is a path unix socket' },
  mode: { name: 'mode', type: 'integer', description: 'Socket mode', validate: fileMode, defaultValue: '0644', live: 'no', condition: 'listen is a path unix socket' },
  nat: { name: 'nat', type: 'bool', description: 'Use netfilter instead of a process', validate: bool, defaultValue: 'false', live: 'no', condition: 'tcp-tcp or udp-udp, bind host, no wildcard listen' },
  proxyProtocol: { name: 'proxy_protocol', type: 'bool', description: 'Send a PROXY header', validate: bool, defaultValue: 'false', live: 'no', condition: 'connect tcp, nat=false' },
  securityUid: { name: 'security.uid', type: 'integer', description: 'Uid of the helper', validate: unixId, defaultValue: '0', live: 'no' },
  securityGid: { name: 'security.gid', type: 'integer', description: 'Gid of the helper', validate: unixId, defaultValue: '0', live: 'no' },
} satisfies KeyTable;
