/** What a kind tells of itself in the directory of fail points. */
export interface Kind {
  kind: string;
  steps: { name: string; undo: boolean }[];
  ends: string[];
}

/** Points that come true one after the other, and how the operation has to end. */
export interface Plan {
  title: string;
  armed: { point: string; action: 'kill' | 'fail' }[];
  ends: 'done' | 'undone';
}

/** The process dies at every boundary on the way there; every step fails, and it dies at every boundary on the way back. */
export function plansOf({ steps, ends }: Kind): Plan[] {
  const there = [...ends, ...steps.flatMap(({ name }) => [`before ${name}`, `after ${name}`])];
  const failures = steps.flatMap(({ name, undo }) => [`before ${name}`, ...(undo ? [`after ${name}`] : [])]);
  const back = (index: number): string[] =>
    steps.slice(0, index + 1).flatMap(({ name, undo }) => (undo ? [`before undoing ${name}`, `after undoing ${name}`] : [])).concat('before the failure', 'after the failure');
  return [
    ...there.map((point): Plan => ({ title: `killed ${point}`, armed: [{ point, action: 'kill' }], ends: 'done' })),
    ...failures.map((point): Plan => ({ title: `failed ${point}`, armed: [{ point, action: 'fail' }], ends: 'undone' })),
    ...steps.flatMap(({ name, undo }, index) => {
      const failing = `${undo ? 'after' : 'before'} ${name}`;
      return back(index).map((point): Plan => ({ title: `failed ${failing}, killed ${point}`, armed: [{ point: failing, action: 'fail' }, { point, action: 'kill' }], ends: 'undone' }));
    }),
  ];
}

/** As many of them, spread by the seed. */
export function some<T>(all: readonly T[], count: number, random: () => number): T[] {
  const left = [...all];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(Math.floor(random() * left.length), 1)[0]!);
}

/** Mulberry32: the same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Every plan of every kind with ASTERISM_CHAOS=full, or the third twelfth of them with ASTERISM_CHAOS_SLICE=3/12, or those whose kind and title
 * ("instance.stop: killed accepted") match ASTERISM_CHAOS_ONLY; else one of each of some kinds. `ASTERISM_CHAOS_SEED` chooses others.
 */
export const full = process.env['ASTERISM_CHAOS'] === 'full';
const only = new RegExp(process.env['ASTERISM_CHAOS_ONLY'] ?? '');
const [slice, slices] = (process.env['ASTERISM_CHAOS_SLICE'] ?? '1/1').split('/').map(Number) as [number, number];

/** Plans are dealt out over the slices one by one, since those of a kind cost much the same. */
let dealt = 0;
export function ownPlans(kind: Kind, random: () => number): Plan[] {
  const plans = plansOf(kind);
  return full ? plans.filter(({ title }) => only.test(`${kind.kind}: ${title}`) && dealt++ % slices === slice - 1) : some(plans, 1, random);
}
