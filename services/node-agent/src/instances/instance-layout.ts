import { join } from 'node:path';

type Named = Readonly<{ project: string; name: string }>;

/** An instance's name on the host: bare in the default project, as the reference has it. */
export function hostName(instance: Named): string {
  return instance.project === 'default' || instance.project === '' ? instance.name : `${instance.project}_${instance.name}`;
}

/** Where an instance's things lie below a state directory. */
export class InstanceLayout {
  constructor(readonly stateDir: string) {}

  /** What LXC calls its path: the directory of the symlinks to the volumes. */
  get containers(): string {
    return join(this.stateDir, 'containers');
  }
  get records(): string {
    return join(this.stateDir, 'instances.log');
  }
  /** Where each instance had a file of its own, before there was a log. */
  get recordFiles(): string {
    return join(this.stateDir, 'instances');
  }
  link(instance: Named): string {
    return join(this.containers, hostName(instance));
  }
  logs(instance: Named): string {
    return join(this.stateDir, 'logs', hostName(instance));
  }
  lxcLog(instance: Named): string {
    return join(this.logs(instance), 'lxc.log');
  }
  lxcConfig(instance: Named): string {
    return join(this.logs(instance), 'lxc.conf');
  }
  devices(instance: Named): string {
    return join(this.stateDir, 'devices', hostName(instance));
  }
  get security(): string {
    return join(this.stateDir, 'security');
  }
  get seccompPolicies(): string {
    return join(this.security, 'seccomp');
  }
  /** What each instance may have done for it, by its id. */
  get interception(): string {
    return join(this.security, 'interception');
  }
  seccompPolicy(instance: Named): string {
    return join(this.seccompPolicies, hostName(instance));
  }
}

/** The group of an instance in every cgroup tree, below the root, without a leading slash. */
export function instanceCgroup(id: string): string {
  return `asterism/${id}`;
}
