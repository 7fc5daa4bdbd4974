import { expect, test } from 'vitest';
import { launch } from './launch.mjs';

/** An API of two members that remembers what it was asked, and refuses what it is told to. */
function api(refused) {
  const asked = [];
  const send = async (method, path) => {
    asked.push(`${method} ${path}`);
    if (`${method} ${path}` === refused) throw new Error('no');
    if (path === '/1.0/cluster') return { enabled: true };
    if (path === '/1.0/cluster/members') return ['/1.0/cluster/members/m1', '/1.0/cluster/members/m2'];
    return { metadata: path === '/1.0/images' ? { fingerprint: 'ab' } : { return: 0 } };
  };
  return { send, asked };
}

const wanted = { name: 'probe', image: Buffer.alloc(0) };

test('a container is launched on a pool of its own on every member, and nothing stays', async () => {
  const { send, asked } = api();
  await launch(send, wanted);
  expect(asked).toEqual(expect.arrayContaining(['POST /1.0/storage-pools?target=m1', 'POST /1.0/storage-pools?target=m2', 'POST /1.0/instances/probe/exec']));
  expect(asked.slice(-3)).toEqual(['DELETE /1.0/instances/probe', 'DELETE /1.0/storage-pools/probe', 'DELETE /1.0/images/ab']);
});

test('what was made before a failure is taken away', async () => {
  const { send, asked } = api('POST /1.0/instances');
  await expect(launch(send, wanted)).rejects.toThrow('no');
  expect(asked.slice(-2)).toEqual(['DELETE /1.0/storage-pools/probe', 'DELETE /1.0/images/ab']);
});
