import { setDefaults, writeMaterial } from '../differential/defaults.js';
import { alone, asterism } from '../servers/asterism.js';
import { TestServer, type ServerKind } from '../servers/server.js';
import type { Switch } from '../servers/switch.js';

export interface Member {
  name: string;
  address: string;
  server: TestServer;
  /** The real client on the member's host; throws on failure. */
  lxc(line: string, stdin?: string): Promise<string>;
}

/** A host of its own on the switch, listening on its address, with nothing in it. */
export async function startHost(lan: Switch, name: string, kind: ServerKind = asterism): Promise<Member> {
  const server = await TestServer.start(kind);
  const address = await lan.connect(server.host);
  await server.client.change('PATCH', '/1.0', { config: { 'core.https_address': `${address}:8443` } });
  return {
    name,
    address,
    server,
    async lxc(line, stdin) {
      const { code, stdout, stderr } = await server.shell(`lxc ${line}`, { timeoutMs: 90_000, ...(stdin === undefined ? {} : { stdin }) });
      if (code !== 0) throw new Error(`lxc ${line}: exit ${code}: ${stderr}\n${server.log.slice(-3000)}`);
      return stdout;
    },
  };
}

/** The first member, with pool, bridge, profile and image, and the control plane. `before` runs while the host is alone. */
export async function beginCluster(lan: Switch, name: string, { before, kind }: { before?: (host: Member) => Promise<void>; kind?: ServerKind } = {}): Promise<Member> {
  const first = await startHost(lan, name, kind);
  await writeMaterial(first.server);
  await setDefaults(first.server);
  await before?.(first);
  await first.lxc(`cluster enable ${name}`);
  return first;
}

/** A host with a server of its own joins with a token, through the reference's own `lxd init`. */
export async function join(lan: Switch, first: Member, name: string): Promise<Member> {
  const host = await startHost(lan, name, alone);
  const token = (await first.lxc(`cluster add ${name} --quiet`)).trim().split('\n').at(-1)!;
  const preseed = `cluster:\n  enabled: true\n  server_address: ${host.address}:8443\n  cluster_token: ${token}\n`;
  const { code, stdout, stderr } = await host.server.shell('lxd init --preseed', { stdin: preseed, timeoutMs: 90_000 });
  if (code !== 0) throw new Error(`lxd init on ${name}: ${stdout}${stderr}\n${host.server.log.slice(-3000)}\nfirst:\n${first.server.log.slice(-3000)}`);
  return host;
}

/** The same with the cluster's trust password instead of a token. */
export async function joinByPassword(lan: Switch, first: Member, name: string, password: string): Promise<Member> {
  const host = await startHost(lan, name);
  const { metadata } = await first.server.client.json<{ environment: { certificate: string } }>('GET', '/1.0');
  const cluster = { enabled: true, server_name: name, server_address: `${host.address}:8443`, cluster_address: `${first.address}:8443`, cluster_certificate: metadata.environment.certificate, cluster_password: password };
  try {
    await host.server.client.change('PUT', '/1.0/cluster', cluster);
    return host;
  } catch (error) {
    await host.server.remove();
    throw error;
  }
}

/** Waits until what is asked for is so. */
export async function eventually(what: string, is: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const until = Date.now() + withinMs;
  while (!(await is())) {
    if (Date.now() > until) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
