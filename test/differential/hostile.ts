import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Header, Pack } from 'tar-stream';

const metadata = 'architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  description: Hostile\n';

/** Archives that a server must survive: broken ones, and ones whose entries try to lead out of the instance's directory. */
export async function hostileImages(good: Buffer): Promise<Record<string, Buffer>> {
  return {
    'hostile-dotdot.tar.gz': await archive((tar) => tar.entry({ name: 'rootfs/../../../../../../../../tmp/asterism-escaped' }, 'x')),
    'hostile-absolute.tar.gz': await archive((tar) => tar.entry({ name: '/tmp/asterism-escaped' }, 'x')),
    'hostile-symlink-out.tar.gz': await archive((tar) => {
      tar.entry({ name: 'rootfs/out', type: 'symlink', linkname: '/tmp' });
      tar.entry({ name: 'rootfs/out/asterism-escaped' }, 'x');
    }),
    'hostile-hardlink-out.tar.gz': await archive((tar) => tar.entry({ name: 'rootfs/shadow', type: 'link', linkname: '/etc/hostname' })),
    'hostile-rootfs-link.tar.gz': await archive((tar) => tar.entry({ name: 'rootfs', type: 'symlink', linkname: '/tmp' }), false),
    'hostile-device.tar.gz': await archive((tar) => tar.entry({ name: 'rootfs/disk', type: 'block-device', devmajor: 7, devminor: 0, mode: 0o666 } as Header)),
    'truncated.tar.gz': good.subarray(0, good.length / 2),
    'no-metadata.tar.gz': await raw((tar) => tar.entry({ name: 'rootfs/file' }, 'x')),
    'bad-metadata.tar.gz': await raw((tar) => tar.entry({ name: 'metadata.yaml' }, 'architecture: [')),
    'no-architecture.tar.gz': await raw((tar) => tar.entry({ name: 'metadata.yaml' }, 'creation_date: 5\n')),
    'no-rootfs.tar.gz': await raw((tar) => tar.entry({ name: 'metadata.yaml' }, metadata)),
    'empty.tar.gz': Buffer.alloc(0),
    'random.bin': Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919 + 13) % 256)),
  };
}

async function archive(fill: (tar: Pack) => void, withRootfs = true): Promise<Buffer> {
  return await raw((tar) => {
    tar.entry({ name: 'metadata.yaml' }, metadata);
    if (withRootfs) tar.entry({ name: 'rootfs', type: 'directory', mode: 0o755 });
    fill(tar);
  });
}

async function raw(fill: (tar: Pack) => void): Promise<Buffer> {
  const tar = pack();
  fill(tar);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}
