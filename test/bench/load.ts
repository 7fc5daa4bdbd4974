import { UnixClient } from '../http/client.js';

/** A load generator in a process of its own: `load.js SOCKET PATH CONNECTIONS MILLISECONDS` prints the requests answered per second. */
const [socket = '', path = '', connections = '64', duration = '2000'] = process.argv.slice(2);
const client = new UnixClient(socket, Number(connections));
const deadline = performance.now() + Number(duration);
let answered = 0;
await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    while (performance.now() < deadline) {
      const { status } = await client.send({ path });
      if (status !== 200) throw new Error(`status ${status}`);
      answered++;
    }
  }),
);
console.log((answered * 1000) / Number(duration));
client.close();
