import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../../servers/asterism.js';

export interface Image {
  kernel: string;
  initrd: string;
  root: string;
  /** What starts QEMU. */
  emulator: readonly string[];
}

const commands = { mmdebstrap: 'mmdebstrap', cpio: 'cpio', mke2fs: 'e2fsprogs', xz: 'xz-utils' };
const laboratory = join(repository, 'test/lab');

/** The image that the recipe makes, built when there is none of this recipe (three to five minutes), then kept in the user's cache directory. */
export function image(): Image {
  const missing = Object.entries(commands).filter(([command]) => spawnSync('which', [command]).status !== 0);
  if (missing.length > 0) throw new Error(`the laboratory needs these Debian packages: ${missing.map(([, name]) => name).join(' ')}`);
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'asterism-lab');
  const directory = join(cache, recipeHash());
  if (!existsSync(directory)) build(cache, directory);
  return { kernel: join(directory, 'vmlinux'), initrd: join(directory, 'initrd'), root: join(directory, 'root.img'), emulator: emulator(join(directory, 'emulator')) };
}

/** Of another Debian than the host's: it finds its libraries, modules and firmware in its own tree. */
function emulator(tree: string): string[] {
  const libraries = join(tree, 'usr/lib/x86_64-linux-gnu');
  return [
    'env', `QEMU_MODULE_DIR=${join(libraries, 'qemu')}`, join(libraries, 'ld-linux-x86-64.so.2'), '--library-path', libraries,
    join(tree, 'usr/bin/qemu-system-x86_64'), '-L', join(tree, 'usr/share/qemu'), '-L', join(tree, 'usr/share/seabios'),
  ];
}

/** Replaces what older recipes left. */
function build(cache: string, directory: string): void {
  process.stdout.write('building the image of the laboratory...\n');
  const partial = `${directory}.partial`;
  for (const name of existsSync(cache) ? readdirSync(cache) : []) rmSync(join(cache, name), { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  execFileSync('nice', ['-n', '10', 'sh', join(laboratory, 'image/recipe.sh'), partial], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 20 * 60_000 });
  renameSync(partial, directory);
}

function recipeHash(): string {
  const hash = createHash('sha256');
  const directory = join(laboratory, 'image');
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.sh')).sort()) hash.update(readFileSync(join(directory, name)));
  return hash.digest('hex').slice(0, 16);
}
