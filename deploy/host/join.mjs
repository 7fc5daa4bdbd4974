// npm run up -- --join TOKEN: what `lxd init` does with a join token of `lxc cluster add`.
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { api } from './api.mjs';

const reachableWithinMs = 10_000;

/** The name, the addresses and the fingerprint that a token holds. */
export function readToken(text) {
  const wrong = new Error('this is no join token: `lxc cluster add NAME` prints one');
  let token;
  try {
    token = JSON.parse(Buffer.from(text, 'base64').toString());
  } catch {
    throw wrong;
  }
  const { server_name: name, addresses, fingerprint, secret } = token;
  if (!name || !secret || !fingerprint || !Array.isArray(addresses) || addresses.length === 0) throw wrong;
  return { name, addresses, fingerprint };
}

/** The host of this state directory becomes a member; nothing is told to a server that shows another certificate than the token says. */
export async function join(stateDir, { token, listen }) {
  const { name, addresses, fingerprint } = readToken(token);
  const failures = [];
  for (const address of addresses) {
    try {
      const cluster_certificate = await certificateAt(address, fingerprint);
      return await api(stateDir, 'PUT', '/1.0/cluster', { enabled: true, server_name: name, server_address: listen, cluster_address: address, cluster_certificate, cluster_password: token });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      failures.push(error.message);
    }
  }
  throw new Error(`the cluster is not reached: ${failures.join('; ')}`);
}

class Unreachable extends Error {}

function certificateAt(address, fingerprint) {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  return new Promise((resolve, reject) => {
    // The fingerprint is what is trusted.
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
    const fail = (why) => {
      socket.destroy();
      reject(new Unreachable(`${address}: ${why}`));
    };
    socket.setTimeout(reachableWithinMs, () => fail('no answer'));
    socket.once('error', (error) => fail(error.message));
    socket.once('secureConnect', () => {
      const certificate = new X509Certificate(socket.getPeerCertificate().raw);
      if (certificate.fingerprint256.replaceAll(':', '').toLowerCase() !== fingerprint) return fail('it shows another certificate than the token says');
      socket.destroy();
      resolve(certificate.toString());
    });
  });
}
