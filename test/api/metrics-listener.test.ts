import { describe, expect, it } from 'vitest';
import { scenario } from './scenario.js';

const test = scenario();
const port = 19100;

async function shell(script: string): Promise<string> {
  const { code, stdout, stderr } = await test.server.shell(script);
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout.trim();
}

/** Status and the beginning of the answer. */
async function fetchOver(path: string, certificate = '', at = port): Promise<string> {
  const shown = certificate === '' ? '' : `--cert ${certificate}.crt --key ${certificate}.key`;
  return shell(`curl -sk ${shown} -w '\\n%{http_code}' https://127.0.0.1:${at}${path} | sed -n '1p;$p' | cut -c1-120`);
}

/** LXD 5.0.2 answered so. */
describe('core.metrics_address', () => {
  it('serves metrics and nothing else, to certificates for metrics too', async () => {
    for (const name of ['metrics', 'client', 'stranger']) {
      await shell(`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${name}.key -out ${name}.crt -days 2 -subj /CN=${name} 2>/dev/null`);
    }
    const pem = async (name: string): Promise<string> => shell(`sed '/^-/d' ${name}.crt | tr -d '\\n'`);
    await test.client.change('POST', '/1.0/certificates', { name: 'metrics', type: 'metrics', certificate: await pem('metrics') });
    await test.client.change('POST', '/1.0/certificates', { name: 'client', type: 'client', certificate: await pem('client') });
    await test.client.change('PATCH', '/1.0', { config: { 'core.metrics_address': `127.0.0.1:${port}`, 'core.https_address': '127.0.0.1:18443' } });
    await expect.poll(() => fetchOver('/').catch(() => ''), { timeout: 10_000 }).toMatch(/\["\/1\.0"\].*\n200$/s);
    for (const certificate of ['metrics', 'client']) expect(await fetchOver('/1.0/metrics', certificate)).toMatch(/^# HELP lxd.*\n200$/s);
    for (const certificate of ['', 'stranger']) expect(await fetchOver('/1.0/metrics', certificate)).toMatch(/"not authorized".*\n403$/s);
    for (const path of ['/1.0/instances', '/nothing', '/1.0/events']) expect(await fetchOver(path, 'client')).toMatch(/"not found".*\n404$/s);
    expect(await fetchOver('/1.0/metrics', 'metrics', 18443)).toMatch(/\n200$/);
    expect(await fetchOver('/1.0/instances', 'metrics', 18443)).toMatch(/"not authorized".*\n403$/s);
  });

  it('asks for no certificate where core.metrics_authentication says so, and ends with its address', async () => {
    await test.client.change('PATCH', '/1.0', { config: { 'core.metrics_authentication': 'false' } });
    await expect.poll(() => fetchOver('/1.0/metrics'), { timeout: 10_000 }).toMatch(/\n200$/);
    expect(await fetchOver('/1.0/metrics', 'stranger', 18443)).toMatch(/\n200$/);
    expect(await fetchOver('/1.0/instances', '', 18443)).toMatch(/\n403$/);
    await test.client.change('PATCH', '/1.0', { config: { 'core.metrics_address': '', 'core.metrics_authentication': '' } });
    await expect.poll(() => fetchOver('/').catch(() => 'nobody listens'), { timeout: 10_000 }).toContain('000');
    expect(await fetchOver('/1.0/metrics', '', 18443)).toMatch(/\n403$/);
    expect((await test.client.json('PATCH', '/1.0', { config: { 'core.metrics_address': 'nonsense.invalid:1' } })).error).toContain(`cannot set 'core.metrics_address' to 'nonsense.invalid:1': Couldn't resolve "nonsense.invalid"`);
  });
});
