import type { Bench } from './bench.js';

const widths = [50, 14, 14, 7, 12, 4] as const;

export const tableHead = line(['', 'reference', 'Asterism', 'ratio', 'aim', '']);

/** One line of the table, and whether the aims of this bench are met. */
export function row(bench: Bench, [reference, own]: readonly [number, number]): { text: string; met: boolean } {
  const ratio = own / reference;
  const met = (bench.aim?.atMost === undefined || ratio <= bench.aim.atMost) && (bench.aim?.atLeast === undefined || ratio >= bench.aim.atLeast) && (bench.limit === undefined || own <= bench.limit);
  return { met, text: line([bench.name, `${shown(reference)} ${bench.unit}`, `${shown(own)} ${bench.unit}`, Number.isFinite(ratio) ? ratio.toFixed(2) : '-', aimOf(bench), met ? 'yes' : 'NO']) };
}

function aimOf({ aim, limit, unit }: Bench): string {
  const aims: string[] = [];
  if (aim?.atMost !== undefined) aims.push(`<= ${aim.atMost}`);
  if (aim?.atLeast !== undefined) aims.push(`>= ${aim.atLeast}`);
  if (limit !== undefined) aims.push(`< ${limit} ${unit}`);
  return aims.join(', ');
}

function shown(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function line(cells: string[]): string {
  return cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index] ?? 0))).join(' ').trimEnd();
}
