/** The next name of a pattern such as "snap%d": one more than the highest number in use; without %d a name in use gets "-N". */
export function nextSnapshotName(pattern: string, taken: readonly string[], now: Date): string {
  const text = pattern.replace(/\{\{\s*creation_date(?:\s*\|\s*date:\s*'[^']*')?\s*\}\}/g, now.toISOString().slice(0, 19).replace('T', '_').replaceAll(':', '-'));
  const [before, after] = text.split('%d', 2);
  if (after === undefined) {
    if (!taken.includes(text)) return text;
    return nextSnapshotName(`${text}-%d`, taken, now);
  }
  const numbers = taken
    .filter((name) => name.startsWith(before ?? '') && name.endsWith(after))
    .map((name) => name.slice((before ?? '').length, name.length - after.length))
    .filter((middle) => /^\d+$/.test(middle))
    .map(Number);
  return `${before ?? ''}${Math.max(-1, ...numbers) + 1}${after}`;
}
