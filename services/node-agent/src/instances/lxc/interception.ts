import { join } from 'node:path';
import type { agentInstances } from '@asterism/proto';
import type { IdRange, LxcEntry } from '../../devices/device.js';
import type { Host } from '../../host/host.js';
import { instanceCgroup } from '../instance-layout.js';
import type { KnownInstances } from '../known-instances.js';
import { interceptionPolicy, intercepts } from './interception-policy.js';

type InstanceSpec = agentInstances.InstanceSpec;

/** System calls of containers that the host handles for them; they are told to a process of their own, which reads here what each may. */
export class Interception {
  constructor(
    private readonly host: Host,
    private readonly known: KnownInstances,
  ) {
    host.interceptors.onLost(known.layout.security, () => void this.resume());
  }

  /** Before a container starts: what its configuration says of it. */
  async prepare(spec: InstanceSpec, idmap: readonly IdRange[]): Promise<LxcEntry[]> {
    if (!intercepts(spec.config)) return [];
    await this.write(spec, idmap);
    const monitors = await this.#run();
    return [
      ['lxc.seccomp.notify.proxy', `unix:${monitors}`],
      ['lxc.seccomp.notify.cookie', spec.id],
    ];
  }

  /** What it may from its next call on; what is intercepted at all is decided by its start. */
  async write(spec: InstanceSpec, idmap: readonly IdRange[]): Promise<void> {
    const { layout } = this.known;
    await this.host.files.mkdir(layout.interception, { mode: 0o700 });
    const { trees } = await this.host.cgroups.layout();
    const groupIn = (tree: string): string => `${tree}/${instanceCgroup(spec.id)}/payload`;
    const policy = interceptionPolicy(spec.config, idmap, {
      devices: layout.devices(spec),
      cgroups: [...new Set(Object.values(trees))].map(groupIn),
      unifiedCgroup: trees['unified'] === undefined ? undefined : groupIn(trees['unified']),
    });
    await this.host.files.replace(this.#policyOf(spec.id), JSON.stringify(policy), { mode: 0o600 });
  }

  async forget(id: string): Promise<void> {
    await this.host.files.remove(this.#policyOf(id));
  }

  /** For the containers that run: a monitor whose interceptor ended asks the next one. */
  async resume(): Promise<void> {
    if (!this.known.all().some(({ running }) => running && intercepts(running.started.config))) return;
    await this.#run().catch((error: unknown) => process.stderr.write(`system calls of containers are not handled: ${String(error)}\n`));
  }

  async #run(): Promise<string> {
    const { layout } = this.known;
    await this.host.files.mkdir(layout.security, { mode: 0o700 });
    return this.host.interceptors.run(layout.security, layout.interception);
  }

  #policyOf(id: string): string {
    return join(this.known.layout.interception, id);
  }
}
