/** Fields of the aliases; M and H stand for a minute and an hour that are the subject's own, so that not everything happens at once. */
const aliases: Readonly<Record<string, string>> = {
  '@hourly': 'M * * * *',
  '@daily': 'M H * * *',
  '@midnight': 'M 0 * * *',
  '@weekly': 'M H * * 0',
  '@monthly': 'M H 1 * *',
  '@annually': 'M H 1 1 *',
  '@yearly': 'M H 1 1 *',
};
const ranges = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/** Whether a schedule (cron expressions, or aliases, with ", " between them) is due in this minute, UTC. `subject` is the id of what it is about. */
export function isDue(schedule: string, at: Date, subject: string): boolean {
  const text = schedule.trim().toLowerCase();
  const parts = text.startsWith('@') ? text.split(/\s*,\s*/) : text.split(/,\s+/);
  return parts.some((part) => matches(part.startsWith('@') ? own(aliases[part] ?? '', subject) : part, at));
}

/** Whether a schedule asks for a snapshot before each start. */
export function isDueAtStart(schedule: string): boolean {
  return schedule.toLowerCase().split(/\s*,\s*/).includes('@startup');
}

function own(fields: string, subject: string): string {
  let hash = 5381;
  for (const character of subject) hash = (hash * 33 + character.charCodeAt(0)) % 2 ** 32;
  return fields.replace('M', String(hash % 60)).replace('H', String(Math.floor(hash / 60) % 24));
}

function matches(expression: string, at: Date): boolean {
  const fields = expression.split(/\s+/);
  if (fields.length !== ranges.length) return false;
  const now = [at.getUTCMinutes(), at.getUTCHours(), at.getUTCDate(), at.getUTCMonth() + 1, at.getUTCDay()];
  const [minute, hour, day, month, weekday] = fields.map((field, index) => fieldMatches(field, now[index] ?? 0, ranges[index] ?? ranges[0]));
  if (!minute || !hour || !month) return false;
  // Cron's own rule: where both days are restricted, one of them suffices.
  return fields[2] !== '*' && fields[4] !== '*' ? Boolean(day || weekday) : Boolean(day && weekday);
}

function fieldMatches(field: string, value: number, [lowest, highest]: readonly [number, number]): boolean {
  return field.split(',').some((part) => {
    const match = /^(\*|\d+(?:-\d+)?)(?:\/(\d+))?$/.exec(part);
    if (!match) return false;
    const [from = lowest, to = match[2] && match[1] !== '*' && !match[1]?.includes('-') ? highest : undefined] = match[1] === '*' ? [lowest, highest] : (match[1] ?? '').split('-').map(Number);
    const step = Number(match[2] ?? 1);
    const end = to ?? from;
    const values = highest === 7 && value === 0 ? [0, 7] : [value];
    return step > 0 && values.some((each) => each >= from && each <= end && (each - from) % step === 0);
  });
}
