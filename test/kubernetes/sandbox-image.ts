import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const sandboxImage = 'asterism/pause:0';

/** The image each pod's sandbox is of: one static program that waits to be ended. Answers the archive's path. */
export function writeSandboxImage(directory: string): string {
  const stage = join(directory, 'sandbox');
  mkdirSync(join(stage, 'root', 'bin'), { recursive: true });
  copyFileSync('/bin/busybox', join(stage, 'root', 'bin', 'busybox'));
  execFileSync('tar', ['--create', '--file', join(stage, 'layer.tar'), '--owner=0', '--group=0', '--numeric-owner', '--directory', join(stage, 'root'), 'bin']);
  const digest = createHash('sha256').update(readFileSync(join(stage, 'layer.tar'))).digest('hex');
  const wait = ['/bin/busybox', 'sh', '-c', 'trap "exit 0" TERM INT; while :; do /bin/busybox sleep 3600 & wait $!; done'];
  writeFileSync(join(stage, 'config.json'), JSON.stringify({ architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux', config: { Entrypoint: wait, User: '65535:65535' }, rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] } }));
  writeFileSync(join(stage, 'manifest.json'), JSON.stringify([{ Config: 'config.json', RepoTags: [sandboxImage], Layers: ['layer.tar'] }]));
  const archive = join(directory, 'sandbox.tar');
  execFileSync('tar', ['--create', '--file', archive, '--directory', stage, 'manifest.json', 'config.json', 'layer.tar']);
  return archive;
}
