import { readOptions } from './options.js';
import { measureScale } from './scale.js';

/**
 * `npm run bench:scale -- --members N --instances N`: a real control plane with simulated members, each of which speaks the agent's contract over mutual
 * TLS. Prints a table, and as the last line all figures as JSON. Exits with 1 where an aim is missed, memory or time run out.
 */
const options = readOptions(process.argv.slice(2));
// Seconds that this process lived: while a machine stands still nothing runs late.
let left = options.within;
setInterval(() => {
  if (--left > 0) return;
  console.log(`NOT MET: not done within ${options.within} s`);
  process.exit(1);
}, 1000).unref();
process.exit((await measureScale(options, (line) => console.log(line))) ? 0 : 1);
