import { pages } from '@asterism/api';
import type { Instances, Operations } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';

interface ListedInstance {
  name: string;
  project: string;
  status: string;
  expanded_config: Record<string, string>;
}

/** Stops what runs, those of the highest boot.stop.priority first: cleanly within boot.host_shutdown_timeout, by force after it or when asked to. */
export async function stopAllInstances(instances: Instances, operations: Operations, call: CallContext, force: boolean): Promise<void> {
  const list = { project: 'default', all_projects: true, recursion: 1, filter: '', visible_projects: [] };
  const running: ListedInstance[] = [];
  for await (const { json } of pages((after) => instances.list(call, { list, type: '', view: 'instances', page: { limit: 0, after } }))) {
    running.push(...(JSON.parse(json.toString()) as ListedInstance[]).filter(({ status }) => status === 'Running' || status === 'Frozen').map(({ name, project, status, expanded_config }) => ({ name, project, status, expanded_config })));
  }
  for (const group of byStopPriority(running)) await Promise.all(group.map((instance) => stopInstance(instance)));

  async function stopInstance({ name, project, expanded_config }: ListedInstance): Promise<void> {
    const ref = { project, name, view: 'instances' };
    const timeout = Number(expanded_config['boot.host_shutdown_timeout'] ?? 30);
    for (const byForce of force ? [true] : [false, true]) {
      const change = { instance: ref, action: 'stop', timeout_s: byForce ? -1 : timeout, force: byForce, stateful: false, host_shutdown: true };
      const { id } = await instances.changeState(call, change);
      const done = await operations.wait(call, { id, timeout_s: -1, secret: '', visible_projects: [] });
      if ((JSON.parse(done.json.toString()) as { status_code: number }).status_code === 200) return;
    }
  }
}

/** Groups of equal priority, the highest first. */
export function byStopPriority<T extends Pick<ListedInstance, 'expanded_config'>>(instances: readonly T[]): T[][] {
  const groups = new Map<number, T[]>();
  for (const instance of instances) {
    const priority = Number(instance.expanded_config['boot.stop.priority'] ?? 0) || 0;
    groups.set(priority, [...(groups.get(priority) ?? []), instance]);
  }
  return [...groups].sort(([a], [b]) => b - a).map(([, group]) => group);
}
