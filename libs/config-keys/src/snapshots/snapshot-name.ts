/** The next name of a pattern such as "snap%d": one more than the highest number in use; without %d a name in use gets "-N". */
export function nextSnapshotName(pattern: string, taken: readonly string[], now: Date): string {
  const text = pattern.replace(/\{\{\s*creation_date(?:\s*\|\s*date:\s*(?:'([^']*)'|"([^"]*)"))?\s*\}\}/g, (_, single?: string, double?: string) => goDate(single ?? double ?? defaultLayout, now));
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

const defaultLayout = '2006-01-02_15-04-05';
const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** A time as Go's layouts write it, UTC. */
function goDate(layout: string, time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const words: Record<string, string> = {
    January: months[time.getUTCMonth()] ?? '',
    Jan: (months[time.getUTCMonth()] ?? '').slice(0, 3),
    Monday: days[time.getUTCDay()] ?? '',
    Mon: (days[time.getUTCDay()] ?? '').slice(0, 3),
    MST: 'UTC',
    '2006': String(time.getUTCFullYear()),
    '01': two(time.getUTCMonth() + 1),
    '02': two(time.getUTCDate()),
    '03': two(time.getUTCHours() % 12 || 12),
    '04': two(time.getUTCMinutes()),
    '05': two(time.getUTCSeconds()),
    '06': two(time.getUTCFullYear() % 100),
    '15': two(time.getUTCHours()),
    PM: time.getUTCHours() < 12 ? 'AM' : 'PM',
  };
  return layout.replace(/January|Jan|Monday|Mon|MST|2006|01|02|03|04|05|06|15|PM/g, (word) => words[word] ?? word);
}
