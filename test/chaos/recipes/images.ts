import { json, send, there, upload, type Kitchen, type Recipe } from './recipe.js';

interface Image {
  fingerprint: string;
}

/** In a project of its own, which sees nothing else. */
const inProject = (name: string): string => `?project=${name}`;

async function project({ client }: Kitchen, name: string): Promise<void> {
  await client.change('POST', '/1.0/projects', { name, config: { 'features.images': 'true', 'features.profiles': 'false' } });
}

async function images({ client }: Kitchen, name: string): Promise<Image[]> {
  const { http, metadata } = await client.json<Image[]>('GET', `/1.0/images${inProject(name)}&recursion=1`);
  return http === 200 ? metadata : [];
}

const count = async (kitchen: Kitchen, name: string): Promise<string> => `${(await images(kitchen, name)).length}`;

async function clean(kitchen: Kitchen, name: string): Promise<void> {
  const { client } = kitchen;
  for (const one of [name, `${name}-b`]) {
    if ((await client.json('GET', `/1.0/projects/${one}`)).http !== 200) continue;
    for (const url of await client.get<string[]>(`/1.0/instances${inProject(one)}`)) await client.change('DELETE', url);
    for (const { fingerprint } of await images(kitchen, one)) await client.change('DELETE', `/1.0/images/${fingerprint}${inProject(one)}`);
    await client.change('DELETE', `/1.0/projects/${one}`);
  }
}

async function withImage(kitchen: Kitchen, name: string): Promise<void> {
  await project(kitchen, name);
  const { operation } = await send(kitchen.client, upload(`/1.0/images${inProject(name)}`, await kitchen.newImage()));
  await kitchen.client.wait(operation);
}

const pull = (name: string, { remote }: Kitchen) =>
  json('POST', `/1.0/images${inProject(name)}`, {
    auto_update: true,
    source: { type: 'image', mode: 'pull', protocol: 'lxd', server: remote.url, certificate: remote.certificate, alias: name },
  });

async function withOutdatedImage(kitchen: Kitchen, name: string): Promise<void> {
  await project(kitchen, name);
  await kitchen.remote.offer(name, await kitchen.newImage());
  await kitchen.client.wait((await send(kitchen.client, pull(name, kitchen))).operation);
  offered.set(name, await kitchen.remote.offer(name, await kitchen.newImage()));
}

/** What the remote offers now, by name. */
const offered = new Map<string, string>();

export const imageRecipes: Record<string, Recipe[]> = {
  'image.import': [{ prepare: project, request: async (name, kitchen) => upload(`/1.0/images${inProject(name)}`, await kitchen.newImage()), look: count, done: '1', clean }],
  'image.delete': [
    {
      prepare: withImage,
      request: async (name, kitchen) => json('DELETE', `/1.0/images/${(await images(kitchen, name))[0]?.fingerprint}${inProject(name)}`),
      look: count,
      done: '0',
      clean,
    },
  ],
  'image.publish': [
    {
      prepare: async (kitchen, name) => {
        await project(kitchen, name);
        const fingerprint = await kitchen.remote.offer(name, await kitchen.newImage());
        const { url: server, certificate } = kitchen.remote;
        await kitchen.client.change('POST', `/1.0/instances${inProject(name)}`, { name: 'source', source: { type: 'image', protocol: 'lxd', server, certificate, fingerprint } });
        for (const image of await images(kitchen, name)) await kitchen.client.change('DELETE', `/1.0/images/${image.fingerprint}${inProject(name)}`);
      },
      request: (name) => json('POST', `/1.0/images${inProject(name)}`, { source: { type: 'instance', name: 'source' }, properties: { name } }),
      look: count,
      done: '1',
      clean,
    },
  ],
  'image.pull': [
    {
      prepare: async (kitchen, name) => {
        await project(kitchen, name);
        await kitchen.remote.offer(name, await kitchen.newImage());
      },
      request: pull,
      look: count,
      done: '1',
      clean,
    },
  ],
  'image.refresh': [
    {
      prepare: withOutdatedImage,
      request: async (name, kitchen) => json('POST', `/1.0/images/${(await images(kitchen, name))[0]?.fingerprint}/refresh${inProject(name)}`),
      look: async (kitchen, name) => (await images(kitchen, name)).map(({ fingerprint }) => (fingerprint === offered.get(name) ? 'new' : 'old')).join(' '),
      done: 'new',
      clean,
    },
  ],
  'project.rename': [
    {
      prepare: project,
      request: (name) => json('POST', `/1.0/projects/${name}`, { name: `${name}-b` }),
      look: ({ client }, name) => there(client, { it: `/1.0/projects/${name}`, other: `/1.0/projects/${name}-b` }),
      done: 'other',
      clean,
    },
  ],
};
