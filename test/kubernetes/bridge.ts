/**
 * node bridge.js SOCKET ADDRESS CERTIFICATE KEY: what is said on a unix socket goes to an address of the cluster over TLS with a client's certificate.
 * Not socat: it may wait for ever for an answer to what it has not sent yet, where a server of TLS 1.3 speaks first.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { connect } from 'node:tls';

const [socket = '', address = '', certificate = '', key = ''] = process.argv.slice(2);
const [host = '', port = ''] = address.split(':');

createServer((inside) => {
  const outside = connect({ host, port: Number(port), cert: readFileSync(certificate), key: readFileSync(key), rejectUnauthorized: false });
  inside.pipe(outside).pipe(inside);
  inside.on('error', () => outside.destroy()).on('close', () => outside.destroy());
  outside.on('error', () => inside.destroy()).on('close', () => inside.destroy());
}).listen(socket);
