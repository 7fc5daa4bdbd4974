// The first start in a process of its own, run by the Node that the build was made for.
import { firstStart } from './first-start.mjs';

firstStart(process.argv[2]).catch((error) => {
  console.error(`\n${error.message}`);
  process.exit(1);
});
