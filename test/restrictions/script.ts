import { parseScript, type Script } from '../differential/script.js';
import { cells, epilogue, material, prelude } from './paths.js';
import { firstRows, type Row } from './rows.js';

/** The matrix of restrictions as differential scripts: the first row of each key on each path that LXD guards too. */
export function restrictionScripts(rowsEach = 9): Script[] {
  const scripts: Script[] = [];
  for (let from = 0; from < firstRows.length; from += rowsEach) {
    scripts.push(parseScript(`restrictions-${scripts.length + 1}`, [...material, ...firstRows.slice(from, from + rowsEach).flatMap(rowLines)].join('\n')));
  }
  return scripts;
}

function rowLines(row: Row): string[] {
  const { before, tightened, after } = prelude(row);
  const guardedByBoth = cells(row).filter((cell) => !cell.isOpenInLxd);
  return [...before, ...(tightened.isOpenInLxd ? [] : tightened.attempt), ...after, ...guardedByBoth.flatMap((cell) => [...cell.attempt, ...cell.after]), ...epilogue];
}
