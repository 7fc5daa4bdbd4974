import { createHash } from 'node:crypto';
import type { TestServer } from '../servers/server.js';
import { factsOfDatabase, factsOfHost, type DatabaseFacts, type Facts, type InstanceFacts } from './facts.js';

/** In which database and host disagree when nothing is under way any more, a sentence for each, both directions; waits until there is nothing to tell. */
export async function disagreements(server: TestServer, patienceMs = 40_000): Promise<string[]> {
  return settled(() => disagreementsNow(server), patienceMs);
}

async function settled(look: () => Promise<string[]>, patienceMs: number): Promise<string[]> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found.length === 0 || Date.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** What is under way just now is one too. */
export async function disagreementsNow(server: TestServer): Promise<string[]> {
  const host = await factsOfHost(server);
  const database = await factsOfDatabase(server);
  return [...unsettled(database), ...compare(shouldBe(database), host)];
}

/** The same of a cluster: the first member has the database, every member a host of its own. */
export async function disagreementsAmong(members: readonly { name: string; server: TestServer }[], patienceMs = 40_000): Promise<string[]> {
  return settled(async () => {
    const hosts = await Promise.all(members.map(({ server }) => factsOfHost(server)));
    const database = await factsOfDatabase(members[0]!.server);
    const differing = members.flatMap(({ name }, index) => compare(shouldBe(ofMember(database, name)), hosts[index]!).map((problem) => `${name}: ${problem}`));
    return [...unsettled(database), ...differing];
  }, patienceMs);
}

/** What of it is a member's; networks are everybody's. */
function ofMember(facts: DatabaseFacts, member: string): DatabaseFacts {
  const own = <T extends { member: string | null }>(rows: readonly T[]): T[] => rows.filter((row) => row.member === member);
  const instances = own(facts.instances);
  const instance_snapshots = facts.instance_snapshots.filter(({ project, owner }) => instances.some((one) => one.project === project && one.name === owner));
  return { ...facts, instances, instance_snapshots, pools: own(facts.pools), volumes: own(facts.volumes), snapshots: own(facts.snapshots), locations: own(facts.locations), backups: own(facts.backups) };
}

/** What no finished operation leaves in the database. */
export function unsettled(facts: DatabaseFacts): string[] {
  const snapshots = facts.snapshots.filter(({ type }) => type === 'container').map(({ project, owner, name }) => `${project}/${owner}/${name}`);
  const instanceSnapshots = facts.instance_snapshots.map(({ project, owner, name }) => `${project}/${owner}/${name}`);
  const volumes = facts.volumes.filter(({ type }) => type === 'container').map(({ member, pool, project, name }) => `${member} ${pool}: ${project}/${name}`);
  const roots = facts.instances.map(({ member, pool, project, name }) => `${member} ${pool}: ${project}/${name}`);
  const images = new Set(facts.images.map(({ fingerprint }) => fingerprint));
  return [
    ...facts.tasks.map((task) => `task ${task} has not ended`),
    ...facts.outbox.map((event) => `event not published: ${event}`),
    ...facts.operations.map(({ id, description, status_code }) => `operation ${id} "${description}" has not ended: ${status_code}`),
    ...facts.ends.map(({ id, description, told }) => `the end of operation ${id} "${description}" was told ${told} times`),
    ...facts.journal_holes.map((cursor) => `the journal has a hole before ${cursor}`),
    ...facts.instances.filter(({ busy }) => busy !== null).map(({ name, busy }) => `instance ${name} is busy: ${busy}`),
    ...facts.volumes.filter(({ ready, new_name }) => !ready || new_name !== '').map(({ pool, name }) => `volume ${pool}/${name} is not ready`),
    ...[...facts.snapshots, ...facts.instance_snapshots].filter(({ ready }) => !ready).map(({ owner, name }) => `snapshot ${owner}/${name} is not ready`),
    ...facts.pools.filter(({ ready }) => !ready).map(({ name }) => `pool ${name} is not ready`),
    ...facts.backups.filter(({ ready }) => !ready).map(({ id }) => `backup ${id} is not ready`),
    ...facts.networks.filter(({ status }) => status !== 'created').map(({ name }) => `network ${name} is ${name}`),
    ...facts.images.filter(({ task }) => task !== null).map(({ fingerprint, task }) => `image ${fingerprint} is held by task ${task}`),
    ...facts.locations.filter(({ fingerprint }) => !images.has(fingerprint)).map(({ fingerprint }) => `image ${fingerprint} has a location and no row`),
    ...facts.admissions.filter(({ known }) => !known).map(({ instance }) => `instance ${instance} is admitted and not there`),
    ...differences('name in use', facts.instances.map(({ id, name }) => `${name} of ${id}`), facts.names.map(({ instance_id, name }) => `${name} of ${instance_id}`)),
    ...differences('row of a root volume', roots, volumes),
    ...differences('row of a volume snapshot', instanceSnapshots, snapshots),
  ];
}

interface Expected {
  /** Aspects that must be just so. */
  exact: Facts;
  /** Aspects in which less may be there: what only a first start makes, or the guest itself. */
  atMost: Facts;
}

/** What the host of a server with these rows looks like. */
export function shouldBe(facts: DatabaseFacts): Expected {
  const running = facts.instances.filter(({ status }) => status !== 'Stopped' && status !== 'Error');
  const ready = facts.pools.filter((pool) => pool.ready);
  const loops = ready.filter(({ driver, member_config }) => driver === 'btrfs' && (member_config?.['source'] ?? '').endsWith('.img'));
  const bridges = facts.networks.filter(({ type }) => type === 'bridge').map(({ name }) => name);
  const hostNames = facts.instances.map(hostName);
  return {
    exact: {
      tree: [
        ...facts.volumes.map((volume) => `${volume.pool}/${directoryOf(volume)}/${treeName(volume)}`),
        ...new Set(facts.snapshots.map((snapshot) => `${snapshot.pool}/${directoryOf(snapshot)}-snapshots/${treeName({ ...snapshot, name: snapshot.owner })}`)),
      ],
      snapshot: facts.snapshots.map((snapshot) => `${snapshot.pool}/${directoryOf(snapshot)}-snapshots/${treeName({ ...snapshot, name: snapshot.owner })}/${snapshot.name}`),
      pool: ready.map(({ name }) => name),
      'pool record': ready.map(({ name }) => `${name}.json`),
      'loop file': loops.map(({ name }) => `${name}.img`),
      'loop device': loops.map(({ name }) => `disks/${name}.img`),
      mount: ready.filter(({ driver }) => driver === 'btrfs').map(({ name }) => `storage-pools/${name}`),
      'link of a volume': hostNames,
      'link of snapshots': [...new Set(facts.instance_snapshots.map(({ project, owner }) => hostName({ project, name: owner })))],
      'instance record': facts.instances.map(({ id }) => id),
      'running record': running.map(({ id }) => id),
      monitor: running.map(hostName),
      cgroup: running.map(({ id }) => id),
      'socket of devlxd': running.filter(({ config }) => config['security.devlxd'] !== 'false').map(({ id }) => createHash('sha256').update(id).digest('hex').slice(0, 16)),
      veth: running.flatMap(hostLinks),
      network: bridges,
      bridge: bridges,
      'image file': [...new Set(facts.locations.map(({ fingerprint }) => fingerprint))],
      'backup file': facts.backups.map(({ id }) => id),
      'stray process': [],
    },
    atMost: {
      'nft table': bridges.map((name) => `inet asterism.${name}`),
      dnsmasq: bridges,
      'device directory': hostNames,
      log: hostNames,
      'seccomp policy': hostNames,
      'DHCP host': facts.instances.flatMap((instance) => nics(instance).map((nic) => `${hostName(instance)}.${nic}`)),
      lease: facts.instances.flatMap((instance) => nics(instance).map((nic) => instance.config[`volatile.${nic}.hwaddr`] ?? instance.expanded_devices[nic]?.['hwaddr'] ?? '')),
    },
  };
}

/** Both directions of what must be, one of what may be. */
export function compare({ exact, atMost }: Expected, host: Facts): string[] {
  const found = readHost(host);
  return [
    ...Object.entries(exact).flatMap(([aspect, names]) => differences(aspect, names, found[aspect] ?? [])),
    ...Object.entries(atMost).flatMap(([aspect, names]) => (found[aspect] ?? []).filter((name) => !names.includes(name)).map((name) => `orphan ${aspect}: ${name}`)),
  ];
}

/** The raw lines of the host by the names that rows know. */
function readHost(host: Facts): Facts {
  const facts = { ...host };
  const records = new Map<string, { record?: { running?: unknown } }>();
  for (const line of host['record'] ?? []) {
    const change = JSON.parse(line) as { id: string; record?: { running?: unknown } };
    if (change.record) records.set(change.id, change);
    else records.delete(change.id);
  }
  facts['instance record'] = [...records.keys()];
  facts['running record'] = [...records].filter(([, { record }]) => record?.running !== undefined).map(([id]) => id);
  facts['tree'] = (host['tree'] ?? []).filter((path) => !path.includes('/.')).concat((host['tree'] ?? []).filter((path) => path.includes('/.scratch/')));
  // A whole upload that nobody came back for is given a day.
  facts['image file'] = (host['image file'] ?? []).filter((name) => !/^upload-[0-9a-f-]{36}$/.test(name)).map((name) => name.replace(/\.rootfs$/, '')).filter((name, index, all) => all.indexOf(name) === index);
  facts['cgroup'] = [...new Set((host['cgroup'] ?? []).flatMap((path) => /(?:^|\/)asterism\/([0-9a-f-]{36})$/.exec(path)?.[1] ?? (/(^|\/)lxc\.(?!pivot$)/.test(path) ? path : [])))];
  facts['device directory'] = (host['device directory'] ?? []).filter((name) => !name.startsWith('forwarder.'));
  facts['lease'] = (host['lease'] ?? []).map((line) => line.split(' ')[1] ?? '').filter((hwaddr) => hwaddr.includes(':'));
  // Its own link to the other members.
  facts['veth'] = (host['veth'] ?? []).filter((name) => name !== 'eth0');
  facts['DHCP host'] = Object.entries(host).flatMap(([aspect, names]) => (aspect.startsWith('DHCP host of ') ? names : []));
  return { ...facts, ...processes(host['process'] ?? []) };
}

/** Monitors and DHCP servers by name; whatever else lost its parent is a stray. */
function processes(lines: readonly string[]): Facts {
  const facts: Record<'monitor' | 'dnsmasq' | 'stray process', string[]> = { monitor: [], dnsmasq: [], 'stray process': [] };
  for (const line of lines) {
    const [, parent = '', stat = '', args = ''] = /^\s*(\d+) (\S+)\s+(.*)$/.exec(line) ?? [];
    const monitor = /^\[lxc monitor\] \S+ (\S+)$/.exec(args)?.[1];
    const network = /^dnsmasq .*--interface=(\S+)/.exec(args)?.[1];
    if (monitor !== undefined && parent !== '' && !facts.monitor.includes(monitor)) facts.monitor.push(monitor);
    else if (network !== undefined) facts.dnsmasq.push(network);
    else if (parent === '1' && !stat.startsWith('Z') && monitor === undefined && !mayBeAlone.test(args)) facts['stray process'].push(args);
  }
  return facts;
}

/** The host's own, the server's, and the forwarder of proxies, which outlives it. */
const mayBeAlone = /^(cat$|sh -c|\S*node |\S*postgres |postgres:|nats-server|redis-server|\S*forwarder)/;

function differences(aspect: string, expected: readonly string[], found: readonly string[]): string[] {
  return [...expected.filter((name) => !found.includes(name)).map((name) => `missing ${aspect}: ${name}`), ...found.filter((name) => !expected.includes(name)).map((name) => `orphan ${aspect}: ${name}`)];
}

function hostName({ project, name }: Pick<InstanceFacts, 'project' | 'name'>): string {
  return project === 'default' ? name : `${project}_${name}`;
}

function treeName({ project, type, name }: { project: string; type: string; name: string }): string {
  if (type === 'image') return name;
  return type === 'custom' ? `${project}_${name}` : hostName({ project, name });
}

function directoryOf({ type }: { type: string }): string {
  return { container: 'containers', 'virtual-machine': 'virtual-machines', image: 'images' }[type] ?? 'custom';
}

function nics({ expanded_devices }: InstanceFacts): string[] {
  return Object.entries(expanded_devices).flatMap(([name, { type }]) => (type === 'nic' ? [name] : []));
}

function hostLinks(instance: InstanceFacts): string[] {
  return nics(instance).flatMap((nic) => instance.config[`volatile.${nic}.host_name`] ?? []);
}
