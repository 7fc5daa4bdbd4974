import { describe, expect, it } from 'vitest';
import { launch, scenario } from './scenario.js';

const test = scenario();

async function scrape(query = ''): Promise<string> {
  const { status, body } = await test.client.send({ path: `/1.0/metrics${query}` });
  expect(status).toBe(200);
  return body.toString();
}

describe('metrics', () => {
  it('tell in OpenMetrics what each running instance uses', async () => {
    await launch(test.client, 'measured');
    const text = await scrape();
    const own = 'name="measured",project="default",type="container"';
    for (const line of [
      `lxd_cpu_seconds_total{cpu="0",mode="user",${own}} `,
      `lxd_memory_MemTotal_bytes{${own}} `,
      `lxd_network_receive_bytes_total{device="eth0",${own}} `,
      `mountpoint="/",${own}} `,
      `lxd_procs_total{${own}} `,
    ]) {
      expect(text).toContain(line);
    }
    expect(Number(new RegExp(`lxd_memory_RSS_bytes{${own}} (\\d+)`).exec(text)![1])).toBeGreaterThan(0);
    expect(text).toContain('lxd_instances{project="default",type="container"} 1\n');
    expect(text.endsWith('# EOF\n')).toBe(true);
    const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(new Set(types).size).toBe(types.length);
    await test.lxc('delete -f measured');
  });

  it('of another project tell nothing of this one', async () => {
    await test.client.change('POST', '/1.0/instances', { name: 'silent', source: { type: 'none' } });
    await test.client.change('POST', '/1.0/projects', { name: 'quiet', config: {} });
    expect(await scrape('?project=quiet')).not.toContain('lxd_instances');
    expect(await scrape()).toContain('lxd_instances');
    await test.client.change('DELETE', '/1.0/projects/quiet');
    await test.client.change('DELETE', '/1.0/instances/silent');
  });
});
