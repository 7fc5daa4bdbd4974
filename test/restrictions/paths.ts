import { claims, type Breach, type Row } from './rows.js';

/** One write that would bring a breach into a guarded project, as steps of a differential script, and how it is taken back. */
export interface Cell {
  path: string;
  attempt: string[];
  after: string[];
  /** Whether the row's rules forbid it. */
  refused: boolean;
  /** LXD 5.0.2 has no gate there and the breach comes in, or it says something else of what is harmless: not compared. */
  isOpenInLxd?: true;
}

const guarded = 'project=guarded';
const features = { 'features.images': 'false', 'features.profiles': 'true', 'features.storage.volumes': 'true' };
/** Uses the profiles of the default project. */
const sharing = { ...features, 'features.profiles': 'false' };

/** Projects, instances and profiles that every row starts from, made once. */
export const material: readonly string[] = [
  request('POST', '/1.0/storage-pools', { name: 'second', driver: 'dir' }),
  request('POST', '/1.0/profiles', { name: 'claims', ...claims }),
  request('POST', '/1.0/profiles', { name: 'wild' }),
  request('POST', '/1.0/profiles', { name: 'common' }),
  request('POST', '/1.0/projects', { name: 'guarded', config: features }),
  request('POST', '/1.0/projects', { name: 'sharing', config: sharing }),
  request('POST', `/1.0/profiles?${guarded}`, { name: 'claims', ...claims }),
  request('POST', `/1.0/profiles?${guarded}`, { name: 'used' }),
  ...operation('POST', `/1.0/instances?${guarded}`, { name: 'plain', source: { type: 'none' }, ...whole({}, ['used']) }),
  ...operation('POST', '/1.0/instances?project=sharing', { name: 'plain', source: { type: 'none' }, ...whole({}, ['common']) }),
];

/** What holds the breach where it is allowed, and then the rules: the change of the rules is refused while the project itself holds it. */
export function prelude({ breach, rules, concerns }: Row): { before: string[]; tightened: Cell; after: string[] } {
  const tightened = request('PUT', '/1.0/projects/guarded', { config: { ...features, ...rules } });
  if (concerns === 'profiles') {
    const held = request('PUT', `/1.0/profiles/used?${guarded}`, breach);
    return { before: [held], tightened: { path: 'the rules of the project', attempt: [tightened], after: [], refused: true, isOpenInLxd: true }, after: [request('PUT', '/1.0/projects/guarded', { config: features }), tamed('used', 'guarded'), tightened] };
  }
  return {
    before: [
      request('PUT', '/1.0/profiles/wild', breach),
      ...operation('POST', '/1.0/instances', { name: 'loose', source: { type: 'none' }, ...whole(breach) }),
      'lxc export loose loose.tar --compression none --instance-only',
      '@quiet lxc snapshot loose wild',
      ...taken('loose', 'default', breach),
      'lxc export loose tame.tar --compression none',
      '@quiet lxc delete loose',
      ...operation('POST', '/1.0/instances', { name: 'loose', source: { type: 'none' }, ...whole(breach) }),
      request('PATCH', `/1.0/instances/plain?${guarded}`, breach),
    ],
    tightened: { path: 'the rules of the project', attempt: [tightened], after: [], refused: concerns !== 'creation', ...(rules['restricted'] ? { isOpenInLxd: true } : {}) },
    after: [
      request('PUT', '/1.0/projects/guarded', { config: features }),
      '@quiet lxc snapshot plain before --project guarded',
      ...taken('plain', 'guarded', breach),
      tightened,
      // What is restricted has profiles of its own.
      ...(concerns === 'instances' || concerns === 'creation' ? [request('PUT', '/1.0/projects/sharing', { config: { ...sharing, ...rules } })] : []),
    ],
  };
}

/** Back to where the next row begins. */
export const epilogue: readonly string[] = [
  request('PUT', '/1.0/projects/guarded', { config: features }),
  request('PUT', '/1.0/projects/sharing', { config: sharing }),
  '@quiet lxc delete plain/before --project guarded',
  '@quiet lxc delete loose',
  tamed('wild', 'default'),
];

/** Every way by which config, devices and numbers of instances and profiles come to be. */
export function cells({ breach, concerns }: Row): Cell[] {
  const open = (cell: Cell): Cell => ({ ...cell, isOpenInLxd: true });
  const forget = '@quiet lxc delete -f new --project guarded';
  const makes = (path: string, attempt: string[], after = [forget]): Cell => ({ path, attempt, after, refused: true });
  const changes = (path: string, attempt: string[], after: string[]): Cell => ({ path, attempt, after, refused: concerns !== 'creation' });
  const profile = (path: string, attempt: string[], after: string[], isUsed = true): Cell => ({ path, attempt, after, refused: isUsed || concerns !== 'instances' });
  const create = (source: object, rest: object): string[] => operation('POST', `/1.0/instances?${guarded}`, { name: 'new', source, ...rest });
  const bring = (file: string): string[] => [`POST /1.0/instances?${guarded} Content-Type=application/octet-stream X-LXD-name=new @${file}`, '@operation'];
  const ofInstances = [
    makes('creation', create({ type: 'none' }, whole(breach))),
    makes('creation from an image', create({ type: 'image', alias: 'busybox' }, whole(breach))),
    makes('a copy', create({ type: 'copy', source: 'plain' }, whole(breach))),
    open(makes('a copy from another project', create({ type: 'copy', source: 'loose', project: 'default' }, {}))),
    open(makes('a move from another project', ['lxc move loose new --target-project guarded'], ['@quiet lxc move new loose --project guarded --target-project default'])),
    open(makes('an import', bring('loose.tar'))),
    open(makes('the snapshot of an import', bring('tame.tar'))),
    changes('a patch', [request('PATCH', `/1.0/instances/plain?${guarded}`, breach)], taken('plain', 'guarded', breach)),
    changes('a replacement', replaced(breach), taken('plain', 'guarded', breach)),
    open(changes('a snapshot that is restored', operation('PUT', `/1.0/instances/plain?${guarded}`, { restore: 'before' }), taken('plain', 'guarded', breach))),
  ];
  /** What brings nothing new must stay possible where there is no room for more. */
  const harmless = (path: string, attempt: string[], after: string[]): Cell => ({ path, attempt, after, refused: false });
  const moves = [
    harmless('a new name', operation('POST', `/1.0/instances/plain?${guarded}`, { name: 'renamed' }), operation('POST', `/1.0/instances/renamed?${guarded}`, { name: 'plain' })),
    open(harmless('a move to another pool', operation('POST', `/1.0/instances/plain?${guarded}`, { name: 'plain', pool: 'second', migration: true }), [
      ...operation('POST', `/1.0/instances/plain?${guarded}`, { name: 'plain', pool: 'default', migration: true }),
      '@quiet lxc config device remove plain root --project guarded',
    ])),
    open(harmless('a copy that is brought up to date', operation('POST', `/1.0/instances?${guarded}`, { name: 'plain', source: { type: 'copy', source: 'loose', project: 'default', refresh: true, instance_only: true } }), [])),
  ];
  const sharingProfiles = [
    changes('a profile of another project that is assigned', [request('PATCH', '/1.0/instances/plain?project=sharing', { profiles: ['claims', 'common', 'wild'] })], [request('PATCH', '/1.0/instances/plain?project=sharing', { profiles: ['claims', 'common'] })]),
    makes('creation with a profile of another project', operation('POST', '/1.0/instances?project=sharing', { name: 'new', source: { type: 'none' }, ...whole({}, ['wild']) }), ['@quiet lxc delete -f new --project sharing']),
    open(changes('a profile of another project that is edited', [request('PATCH', '/1.0/profiles/common', breach)], [tamed('common', 'default')])),
  ];
  const ofProfiles = [
    open(profile('a new profile', [request('POST', `/1.0/profiles?${guarded}`, { name: 'new', ...breach })], ['@quiet lxc profile delete new --project guarded'], false)),
    profile('a patched profile', [request('PATCH', `/1.0/profiles/used?${guarded}`, breach)], [tamed('used', 'guarded')]),
    profile('a replaced profile', [request('PUT', `/1.0/profiles/used?${guarded}`, breach)], [tamed('used', 'guarded')]),
  ];
  switch (concerns) {
    case 'profiles':
      return ofProfiles;
    case 'instances':
      return [...ofInstances, ...sharingProfiles, ...moves, ...ofProfiles];
    case 'creation':
      return [...ofInstances, ...sharingProfiles.filter((cell) => cell.refused), ...moves];
    default:
      return [...ofInstances, moves.at(-1)!, ...ofProfiles];
  }
}

/** An instance that claims its share of everything, with a breach on top. */
function whole(breach: Breach, profiles: string[] = []): object {
  return { ...breach, profiles: ['claims', ...profiles] };
}

function request(method: string, path: string, body: object): string {
  return `${method} ${path} ${JSON.stringify(body)}`;
}

function operation(method: string, path: string, body: object): string[] {
  return [request(method, path, body), '@operation'];
}

/** As the client does it: what it read with one thing changed. */
function replaced({ config, devices }: Breach): string[] {
  const words = (options: Readonly<Record<string, string>>): string => Object.entries(options).map(([key, value]) => `${key}='${value}'`).join(' ');
  return [
    ...Object.entries(config ?? {}).map(([key, value]) => `lxc config set plain ${key}='${value}' --project guarded`),
    ...Object.entries(devices ?? {}).map(([name, { type, ...options }]) => `lxc config device add plain ${name} ${type} ${words(options)} --project guarded`),
  ];
}

/** Takes a breach out of an instance again. */
function taken(instance: string, project: string, { config, devices }: Breach): string[] {
  return [
    ...Object.keys(config ?? {}).map((key) => `@quiet lxc config unset ${instance} ${key} --project ${project}`),
    ...Object.keys(devices ?? {}).map((name) => `@quiet lxc config device remove ${instance} ${name} --project ${project}`),
  ];
}

function tamed(profile: string, project: string): string {
  return request('PUT', `/1.0/profiles/${profile}?project=${project}`, { config: {}, devices: {}, description: '' });
}
