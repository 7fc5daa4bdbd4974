import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../servers/asterism.js';

/** Archives of the images, built anew of this tree; `ASTERISM_IMAGES` names a directory with those that were built already. */
export function builtImages(): string[] {
  const given = process.env['ASTERISM_IMAGES'];
  const directory = given ?? join(repository, 'dist/images');
  if (!given) {
    const answer = spawnSync(process.execPath, [join(repository, 'deploy/images/build.mjs'), '--output', directory, '--system', join(directory, 'system')], { encoding: 'utf8', stdio: ['ignore', 'inherit', 'pipe'] });
    if (answer.status !== 0) throw new Error(`the images cannot be built: ${answer.stderr}`);
  }
  const archives = ['control-plane', 'agent', 'stores'].map((name) => join(directory, `${name}-0.1.0.tar`));
  const missing = archives.find((archive) => !existsSync(archive));
  if (missing) throw new Error(`${missing} is missing`);
  return archives;
}
