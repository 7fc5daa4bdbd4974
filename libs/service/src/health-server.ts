import { createServer } from 'node:http';
import { createLogger } from '@asterism/telemetry';
import { hostAndPort } from './host-and-port.js';

/** Plain HTTP for the probes of Kubernetes, which have no certificate to show: `/ready` and `/alive`, and nothing else of this process. */
export function serveHealth(listen: string, isReady: () => boolean): void {
  const server = createServer((request, response) => {
    const status = request.url === '/alive' ? 200 : request.url === '/ready' ? (isReady() ? 200 : 503) : 404;
    response.writeHead(status, { Connection: 'close' }).end();
  });
  server.on('error', (error) => createLogger('health').error({ err: error }, `health is not served on ${listen}`));
  server.listen(hostAndPort(listen));
  server.unref();
}
