import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const tree = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/test\/?$/, ''); // from sources and from dist

const roots = ['libs', 'services', 'test'];
const skipped = new Set(['node_modules', 'dist', 'generated']);

/** Where tests say what they prove: `// proves: etag, patch` in a test, `# proves: ...` in a differential script. Files by extension. */
export function readProofs(): Map<string, string[]> {
  const proofs = new Map<string, string[]>();
  for (const file of roots.flatMap((root) => testFiles(join(tree, root)))) {
    for (const [, names = ''] of readFileSync(file, 'utf8').matchAll(/^\s*(?:\/\/|#) proves: (.+)$/gm)) {
      for (const name of names.split(/,\s*/).map((each) => each.trim())) proofs.set(name, [...new Set([...(proofs.get(name) ?? []), relative(tree, file)])].sort());
    }
  }
  return proofs;
}

function testFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : testFiles(path);
    return /\.(test\.ts|script)$/.test(entry.name) ? [path] : [];
  });
}
