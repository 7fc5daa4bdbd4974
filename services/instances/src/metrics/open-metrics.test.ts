import { describe, expect, it } from 'vitest';
import { OpenMetrics, type Measured } from './open-metrics.js';

function openMetrics(measured: readonly Measured[]): string {
  const metrics = new OpenMetrics();
  metrics.add(measured);
  return [...metrics.pieces()].join('');
}

describe('OpenMetrics text', () => {
  it('has each family once, with labels in order', () => {
    const labels = { project: 'default', name: 'c1', type: 'container' };
    const text = openMetrics([
      { metric: 'procs_total', labels, value: 4 },
      { metric: 'cpu_seconds_total', labels: { ...labels, mode: 'user', cpu: '0' }, value: 0.25 },
      { metric: 'procs_total', labels: { ...labels, name: 'c2' }, value: 1 },
    ]);
    expect(text).toBe(`# HELP lxd_cpu_seconds_total The total number of CPU time used in seconds.
# TYPE lxd_cpu_seconds_total counter
lxd_cpu_seconds_total{cpu="0",mode="user",name="c1",project="default",type="container"} 0.25
# HELP lxd_procs_total The number of running processes.
# TYPE lxd_procs_total gauge
lxd_procs_total{name="c1",project="default",type="container"} 4
lxd_procs_total{name="c2",project="default",type="container"} 1
`);
  });

  it('lets no label end early', () => {
    expect(openMetrics([{ metric: 'procs_total', labels: { name: 'a"b\\c\nd' }, value: 1 }])).toContain('{name="a\\"b\\\\c\\nd"} 1');
  });
});
