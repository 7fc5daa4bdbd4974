// node deploy/images/build.mjs [--output DIR] [--mirror URL] [--system DIR] [control-plane] [agent] [stores]: builds the images from Debian packages and the built
// tree, without a registry, as archives that `ctr images import` and `podman load` read, each with a list of what it holds. Runs as root with mmdebstrap, umoci
// and skopeo. --system keeps Debian's layers in DIR and takes them from there the next time, as they were then.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../host/setup.mjs';
import { billOfMaterials, debianComponents, nodeComponent, npmComponents } from './bill-of-materials.mjs';
import { applicationFiles, belongs, images } from './contents.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { output: { type: 'string', default: join(root, 'dist', 'images') }, mirror: { type: 'string' }, system: { type: 'string' } },
});

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** Times in the images are those of the last commit: the same tree and packages give the same layers. */
const commitTime = execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }).trim();
const reproducibleTar = ['--sort=name', `--mtime=@${commitTime}`, '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];

function run(command, args, settings = {}) {
  const answer = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, ...settings, env: { ...process.env, SOURCE_DATE_EPOCH: commitTime, ...settings.env } });
  if (answer.error) throw new Error(`${command}: ${answer.error.message}`);
  if (answer.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${answer.stderr.split('\n').slice(-20).join('\n')}`);
  return answer.stdout;
}

/** The tree as it runs: compiled files, npm packages without those for development, and Node itself. */
function applicationLayer(work) {
  const stage = join(work, 'application');
  const target = join(stage, 'opt', 'asterism');
  const copy = (path) => {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(root, path), join(target, path), { recursive: true, filter: (source) => belongs(source.slice(root.length).replace(/^\/+/, '')) });
  };
  // The lock file names every workspace, that of the tests too.
  for (const path of [...globSync(applicationFiles, { cwd: root }), 'test/package.json']) copy(path);
  if (!existsSync(join(target, 'services/gateway/dist/main.js'))) throw new Error('the tree is not built: npm run build');
  run('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: target });
  rmSync(join(target, 'test'), { recursive: true });
  const node = join(stage, 'usr', 'local', 'bin', 'node');
  mkdirSync(dirname(node), { recursive: true });
  cpSync(process.execPath, node, { dereference: true });
  const layer = join(work, 'application.tar');
  run('tar', ['--create', '--file', layer, ...reproducibleTar, '--directory', stage, 'opt', 'usr']);
  return { layer, components: [nodeComponent(process.version), ...npmComponents(JSON.parse(readFileSync(join(target, 'node_modules/.package-lock.json'), 'utf8')))] };
}

/** A Debian of just these packages. */
function systemLayer(work, name, image) {
  const layer = join(options.system ? resolve(options.system) : work, `${name}-${createHash('sha256').update(JSON.stringify(image)).digest('hex').slice(0, 12)}.tar`);
  if (!existsSync(layer)) makeSystemLayer(work, name, image, layer);
  return { layer, components: debianComponents(run('tar', ['--extract', '--to-stdout', '--file', layer, './var/lib/dpkg/status'])) };
}

function makeSystemLayer(work, name, { packages, files }, layer) {
  mkdirSync(dirname(layer), { recursive: true });
  const changes = Object.entries(files).flatMap(([path, { append, text }], index) => {
    const content = join(work, `${name}-${index}`);
    writeFileSync(content, append ?? text);
    return [`--customize-hook=cat ${content} ${append === undefined ? '>' : '>>'} "$1/${path}"`];
  });
  const smaller = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'].map((path) => `--dpkgopt=path-exclude=${path}`);
  run('mmdebstrap', ['--mode=root', '--variant=essential', `--include=${packages.join(',')}`, ...smaller, ...changes, 'bookworm', `${layer}.new.tar`, ...(options.mirror ? [options.mirror] : [])]);
  renameSync(`${layer}.new.tar`, layer);
}

function build(name, work, application) {
  const image = images[name];
  const layout = join(work, `${name}-layout`);
  const tag = `${layout}:${version}`;
  run('umoci', ['init', '--layout', layout]);
  run('umoci', ['new', '--image', tag]);
  const layers = [systemLayer(work, name, image), ...(image.withoutApplication ? [] : [application()])];
  for (const { layer } of layers) run('umoci', ['raw', 'add-layer', '--image', tag, layer]);
  const created = new Date(commitTime * 1000).toISOString();
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const starts = image.entrypoint ? image.entrypoint.flatMap((word) => ['--config.entrypoint', word]) : ['--config.workingdir', '/opt/asterism', '--config.cmd', 'node'];
  run('umoci', ['config', '--image', tag, '--config.user', image.user, '--config.env', path, ...starts, ...(image.stopSignal ? ['--config.stopsignal', image.stopSignal] : []), '--created', created]);
  const archive = resolve(options.output, `${name}-${version}.tar`);
  mkdirSync(dirname(archive), { recursive: true });
  rmSync(archive, { force: true });
  run('skopeo', ['--insecure-policy', 'copy', '--quiet', `oci:${tag}`, `docker-archive:${archive}:asterism/${name}:${version}`]);
  const bill = billOfMaterials({ image: `asterism/${name}`, version, time: created, components: layers.flatMap(({ components }) => components) });
  writeFileSync(archive.replace(/tar$/, 'cdx.json'), `${JSON.stringify(bill, undefined, 2)}\n`);
  console.log(`${archive}: asterism/${name}:${version}, ${Math.round(statSync(archive).size / 2 ** 20)} MiB`);
}

function main() {
  const unknown = positionals.find((name) => !(name in images));
  if (unknown) throw new Error(`unknown image "${unknown}": one of ${Object.keys(images).join(', ')}`);
  const work = mkdtempSync(join(tmpdir(), 'asterism-images-'));
  try {
    let made;
    const application = () => (made ??= applicationLayer(work));
    for (const name of positionals.length > 0 ? positionals : Object.keys(images)) build(name, work, application);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

try {
  main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
