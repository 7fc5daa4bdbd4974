import { expect, it } from 'vitest';
import type { agentInstances } from '@asterism/proto';
import { LxdError } from '@asterism/errors';
import { FakeHost } from '../../host/fake-host.js';
import { InstanceLayout } from '../instance-layout.js';
import { apparmorRules, updateProfile, withRules } from './apparmor-profile.js';

const profile = 'profile "lxc-c1" {\n  mount,\ndeny /a r,\n}\n';
const path = '/state/containers/c1/apparmor/lxc-c1_<-state-containers>';

function instance(rules: string): agentInstances.InstanceSpec {
  return { project: 'default', name: 'c1', config: { 'raw.apparmor': rules } } as unknown as agentInstances.InstanceSpec;
}

it('reads rules line by line', () => {
  expect(apparmorRules({ 'raw.apparmor': '# ours\n\n\tdeny /a r,\r\n' })).toEqual(['# ours', 'deny /a r,']);
  expect(apparmorRules({})).toEqual([]);
});

it('puts other rules where the old ones stood', () => {
  expect(withRules(profile, ['deny /a r,'], ['deny /b r,', 'deny /c r,'])).toBe('profile "lxc-c1" {\n  mount,\ndeny /b r,\ndeny /c r,\n}\n');
  expect(withRules(profile, ['deny /a r,'], [])).toBe('profile "lxc-c1" {\n  mount,\n}\n');
  expect(withRules(profile, [], ['deny /b r,'])).toBe('profile "lxc-c1" {\n  mount,\ndeny /a r,\ndeny /b r,\n}\n');
  expect(withRules(profile, ['deny /x r,'], [])).toBeUndefined();
});

it('loads the changed profile, and has the old one again when the parser refuses it', async () => {
  const host = new FakeHost();
  host.files.put(path, profile);
  const layout = new InstanceLayout('/state');
  await updateProfile(host, layout, instance('deny /a r,'), instance('deny /b r,'));
  expect(await host.files.readText(path)).toContain('deny /b r,\n}\n');
  expect(host.log).toContain(`apparmor_parser --replace ${path}`);
  host.exec = async () => Promise.reject(new LxdError('internal', 'syntax error'));
  await expect(updateProfile(host, layout, instance('deny /b r,'), instance('nonsense'))).rejects.toThrow('syntax error');
  expect(await host.files.readText(path)).toContain('deny /b r,\n}\n');
});

it('does nothing where nothing is confined', async () => {
  const host = new FakeHost();
  await updateProfile(host, new InstanceLayout('/state'), instance('deny /a r,'), instance(''));
  expect(host.log).toEqual([]);
});
