import { describe, expect, it } from 'vitest';
import { accessOf, requireAccess, type Access } from './access.js';
import { unixIdentity, type Identity } from './identity.js';

const admin: Identity = { trusted: true, admin: true, local: false, username: 'f', protocol: 'tls', address: '' };
const identities = {
  unix: unixIdentity,
  admin,
  restricted: { ...admin, admin: false, projects: ['p1'] },
  stranger: { ...admin, trusted: false, admin: false },
};
type Who = keyof typeof identities;

/** Who may, for a request that names this project. */
const allowed: Record<Access, Record<string, Who[]>> = {
  anyone: { p1: ['unix', 'admin', 'restricted', 'stranger'], default: ['unix', 'admin', 'stranger'] },
  trusted: { p1: ['unix', 'admin', 'restricted'], default: ['unix', 'admin', 'restricted'] },
  project: { p1: ['unix', 'admin', 'restricted'], default: ['unix', 'admin'] },
  'named-project': { p1: ['unix', 'admin', 'restricted'], default: ['unix', 'admin'] },
  metrics: { p1: ['unix', 'admin', 'restricted'], default: ['unix', 'admin', 'restricted'] },
  admin: { p1: ['unix', 'admin'], default: ['unix', 'admin'] },
  local: { p1: ['unix'], default: ['unix'] },
};

describe('access', () => {
  for (const [access, byProject] of Object.entries(allowed)) {
    for (const [project, expected] of Object.entries(byProject)) {
      it(`"${access}" in project ${project} is for ${expected.join(', ')}`, () => {
        const may = Object.entries(identities).filter(([, identity]) => passes(identity, access as Access, project));
        expect(may.map(([who]) => who)).toEqual(expected);
      });
    }
  }

  it('to lists of all projects is for every known client, which sees its own', () => {
    const requested = { project: 'default', allProjects: true, named: '' };
    expect(() => requireAccess(identities.restricted, 'project', requested)).not.toThrow();
    expect(() => requireAccess(identities.stranger, 'project', requested)).toThrow('not authorized');
  });

  it('to metrics of a project is for those who may use it', () => {
    const requested = { project: 'p2', allProjects: false, isNamed: true, named: '' };
    expect(() => requireAccess(identities.restricted, 'metrics', requested)).toThrow('not authorized');
    expect(() => requireAccess(identities.restricted, 'metrics', { ...requested, project: 'p1' })).not.toThrow();
  });

  it('to the views is that to the instances', () => {
    for (const view of ['containers', 'virtual-machines']) expect(accessOf('GET', `/1.0/${view}/:name/state`)).toBe('project');
    expect(accessOf('GET', '/1.0/containersX')).toBeUndefined();
    expect(accessOf('DELETE', '/1.0')).toBeUndefined();
  });
});

function passes(identity: Identity, access: Access, project: string): boolean {
  try {
    requireAccess(identity, access, { project, allProjects: false, named: project });
    return true;
  } catch {
    return false;
  }
}
