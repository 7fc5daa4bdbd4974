export interface DiffLine {
  sign: ' ' | '-' | '+';
  text: string;
}

/** The shortest edit of `left` into `right`, line by line. */
export function diffLines(left: string[], right: string[]): DiffLine[] {
  const lengths: number[][] = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      (lengths[i] as number[])[j] = left[i] === right[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      lines.push({ sign: ' ', text: left[i++] ?? '' });
      j++;
    } else if (j >= right.length || (i < left.length && at(i + 1, j) >= at(i, j + 1))) lines.push({ sign: '-', text: left[i++] ?? '' });
    else lines.push({ sign: '+', text: right[j++] ?? '' });
  }
  return lines;
}

/** Changed lines with `context` unchanged ones around them. */
export function showDiff(lines: DiffLine[], context = 2): string {
  const kept = lines.map((_, index) => lines.slice(Math.max(0, index - context), index + context + 1).some((line) => line.sign !== ' '));
  const shown: string[] = [];
  lines.forEach((line, index) => {
    if (kept[index]) shown.push(`    ${line.sign} ${line.text}`);
    else if (kept[index - 1]) shown.push('      ...');
  });
  return shown.join('\n');
}
