import { describe, expect, it } from 'vitest';
import { MemberRoll } from './member-roll.js';

function rollOf(names: string[]): { roll: MemberRoll; reads: () => number } {
  let reads = 0;
  const read = async () => (reads++, { members: names.map((name) => ({ name, address: '', architecture: '', online: true, former_names: [], cordoned: false, evacuated: false, groups: ['default'], scheduler: 'all', joined: false })), revoked: [] });
  return { roll: new MemberRoll(read), reads: () => reads };
}

describe('the roll of members', () => {
  it('is read once for all that ask at once', async () => {
    const { roll, reads } = rollOf(['m1']);
    const answers = await Promise.all(Array.from({ length: 100 }, () => roll.call()));
    expect(answers.map(({ members }) => members[0]?.name)).toEqual(Array.from({ length: 100 }, () => 'm1'));
    expect(reads()).toBe(1);
  });

  it('is read anew for who asks after it was begun', async () => {
    const names = ['m1'];
    const { roll } = rollOf(names);
    const first = roll.call();
    await Promise.resolve().then(() => undefined);
    names.push('m2');
    expect((await roll.call()).members.length).toBe(2);
    await first;
  });

  it('is not repeated to who knows it', async () => {
    const names = ['m1'];
    const { roll } = rollOf(names);
    const { version } = await roll.call();
    expect(await roll.call(version)).toMatchObject({ unchanged: true, members: [] });
    names.push('m2');
    expect(await roll.call(version)).toMatchObject({ unchanged: false, members: [{ name: 'm1' }, { name: 'm2' }] });
  });
});
