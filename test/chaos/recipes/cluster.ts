import { json, names, there, type Place, type Recipe } from './recipe.js';

/** The member that is emptied; the other one has the control plane. */
const emptied = 'm2';
const image = { type: 'image', alias: 'busybox' };
const path = (name: string): string => `/1.0/instances/${name}`;
const stateOf = `/1.0/cluster/members/${emptied}/state`;

interface Listed {
  name: string;
  status: string;
  location: string;
}

async function instances({ client }: Place, name: string): Promise<Listed[]> {
  return (await client.get<Listed[]>('/1.0/instances?recursion=1')).filter((one) => one.name.startsWith(name));
}

async function create({ client }: Place, name: string, config: Record<string, string> = {}): Promise<void> {
  await client.change('POST', `/1.0/instances?target=${emptied}`, { name, source: image, config });
}

async function start({ client }: Place, name: string): Promise<void> {
  await client.change('PUT', `${path(name)}/state`, { action: 'start' });
}

async function withSnapshot(place: Place, name: string): Promise<void> {
  await create(place, name);
  await place.client.change('POST', `${path(name)}/snapshots`, { name: 's0' });
}

/** One that moves and runs, one that moves, one that stops where it is. */
async function inhabited(place: Place, name: string): Promise<void> {
  const quick = { 'boot.host_shutdown_timeout': '1' };
  await create(place, `${name}-a`, quick);
  await withSnapshot(place, `${name}-b`);
  await create(place, `${name}-c`, { ...quick, 'cluster.evacuate': 'stop' });
  for (const one of ['a', 'c']) await start(place, `${name}-${one}`);
}

async function evacuated(place: Place, name: string): Promise<void> {
  await inhabited(place, name);
  await place.client.change('POST', stateOf, { action: 'evacuate' });
}

/** Each instance's status and place, and the member's own status. */
async function whereabouts(place: Place, name: string): Promise<string> {
  const { status } = await place.client.get<{ status: string }>(`/1.0/cluster/members/${emptied}`);
  return [...(await instances(place, name)).map((one) => `${one.name.slice(name.length + 1)} ${one.status} on ${one.location}`), status].join(', ');
}

const atHome = 'a Running on m2, b Stopped on m2, c Running on m2, Online';
const away = 'a Running on m1, b Stopped on m1, c Stopped on m2, Evacuated';

async function clean(place: Place, name: string): Promise<void> {
  const { client } = place;
  if ((await client.get<{ status: string }>(`/1.0/cluster/members/${emptied}`)).status === 'Evacuated') await client.change('POST', stateOf, { action: 'restore' });
  for (const { name: one, status } of await instances(place, name)) {
    if (status !== 'Stopped') await client.change('PUT', `${path(one)}/state`, { action: 'stop', force: true });
    await client.change('DELETE', path(one));
  }
}

const evacuation: Recipe<Place> = { prepare: inhabited, request: () => json('POST', stateOf, { action: 'evacuate' }), look: whereabouts, done: away, clean };
const restoration: Recipe<Place> = {
  prepare: evacuated,
  request: () => json('POST', stateOf, { action: 'restore' }),
  look: whereabouts,
  done: atHome,
  halfway: ['a Running on m1, b Stopped on m1, c Running on m2, Evacuated'],
  clean,
};

/** What needs a second member. */
export const clusterRecipes: Record<string, Recipe<Place>> = {
  'member.evacuate': evacuation,
  'member.restore': restoration,
  'instance.move': {
    prepare: withSnapshot,
    request: (name) => json('POST', `${path(name)}?target=m1`, { name, migration: true }),
    look: async (place, name) => `${(await instances(place, name)).map(({ location }) => location).join(' ')} with ${await names(place.client, `${path(name)}/snapshots`)}`,
    done: 'm1 with s0',
    clean,
  },
  'instance.create': {
    prepare: withSnapshot,
    request: (name) => json('POST', '/1.0/instances?target=m1', { name: `${name}-b`, profiles: ['default'], source: { type: 'copy', source: name } }),
    look: ({ client }, name) => there(client, { it: path(name), other: path(`${name}-b`) }),
    done: 'it other',
    clean,
  },
};

/** Tasks within these operations, at whose steps the server dies too. */
export const clusterParts: Record<string, string[]> = {
  'member.evacuate': ['instance.stop', 'instance.move', 'instance.start'],
  'member.restore': ['instance.start', 'instance.stop', 'instance.move'],
};
