import { extensions } from '@asterism/api';
import { containerExtensions, missing } from './container-extensions.js';
import { readProofs } from './proofs.js';

// npm run proofs: the extensions that concern containers, each with what proves it, as a table.
const proofs = readProofs();
for (const [area, names] of Object.entries(containerExtensions)) {
  console.log(`\n## ${area}\n\n| extension | proof |\n|---|---|`);
  for (const name of names) console.log(`| \`${name}\` | ${extensions.includes(name) ? (proofs.get(name) ?? []).map((file) => `\`${file}\``).join(', ') : `not advertised: ${missing[name]}`} |`);
}
