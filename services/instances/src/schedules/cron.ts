const aliases: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@annually': '0 0 1 1 *',
  '@yearly': '0 0 1 1 *',
};
const ranges = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/** Whether a schedule (a cron expression, or aliases separated by commas) is due in this minute, UTC. */
export function isDue(schedule: string, at: Date): boolean {
  const text = schedule.trim();
  if (text === '') return false;
  if (text.startsWith('@')) return text.split(/\s*,\s*/).some((alias) => alias in aliases && matches(aliases[alias] ?? '', at));
  return matches(text, at);
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
