/** node test/dist/lab/hold.js [cgroups]: the laboratory with its server, for scenarios one by one and to be looked at, until it is interrupted. */
import { image } from './image/image.js';
import { cgroups, Machine } from './machine.js';
import { startServer } from './server.js';

const asked = process.argv[2] ?? 'v2';
const machine = await Machine.boot(image(), cgroups.find((kind) => kind === asked) ?? 'v2');
await startServer(machine).catch(async (error: unknown) => {
  await machine.off();
  throw error;
});
console.log(`scenarios run in it with ASTERISM_LAB=${machine.port.path}`);
machine.port.close();
const forever = setInterval(() => {}, 60_000);
await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()));
clearInterval(forever);
await machine.off();
