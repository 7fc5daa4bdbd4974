// proves: container_stop_priority, container_host_shutdown_timeout
import type { Instances, Operations, instances } from '@asterism/proto';
import { systemCall } from '@asterism/rpc';
import { describe, expect, it } from 'vitest';
import { byStopPriority, stopAllInstances } from './stop-all-instances.js';

describe('the shutdown of a host', () => {
  it('stops instances in groups, the highest priority first', () => {
    const instance = (name: string, priority?: string): { name: string; expanded_config: Record<string, string> } => ({ name, expanded_config: priority === undefined ? {} : { 'boot.stop.priority': priority } });
    const groups = byStopPriority([instance('a'), instance('b', '5'), instance('c', '-1'), instance('d', '5'), instance('e', '0')]);
    expect(groups.map((group) => group.map(({ name }) => name))).toEqual([['b', 'd'], ['a', 'e'], ['c']]);
  });

  it('gives each its time to stop and then ends it by force', async () => {
    const rows = [
      { name: 'stubborn', project: 'p', status: 'Running', expanded_config: { 'boot.host_shutdown_timeout': '7' } },
      { name: 'good', project: 'default', status: 'Frozen', expanded_config: {} },
      { name: 'stopped', project: 'default', status: 'Stopped', expanded_config: {} },
    ];
    const asked: string[] = [];
    const listed = { list: async () => ({ json: Buffer.from(JSON.stringify(rows)), etag: '' }), changeState: async (_call: unknown, { instance, timeout_s, force, host_shutdown }: instances.ChangeStateRequest) => {
      asked.push(`${instance?.project}/${instance?.name} ${timeout_s} ${force} ${host_shutdown}`);
      return { id: instance?.name === 'stubborn' && !force ? 'fails' : 'ends', json: Buffer.alloc(0) };
    } } as unknown as Instances;
    const operations = { wait: async (_call: unknown, { id }: { id: string }) => ({ json: Buffer.from(JSON.stringify({ status_code: id === 'ends' ? 200 : 400 })), etag: '' }) } as unknown as Operations;
    await stopAllInstances(listed, operations, systemCall(), false);
    expect(asked).toEqual(['p/stubborn 7 false true', 'default/good 30 false true', 'p/stubborn -1 true true']);
  });
});
