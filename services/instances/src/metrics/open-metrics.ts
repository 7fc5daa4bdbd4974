import { families } from './families.js';

export interface Measured {
  /** Name of a family. */
  metric: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** OpenMetrics text without its end: families in their order, each with what it is. */
export function openMetrics(measured: readonly Measured[]): string {
  const byMetric = Map.groupBy(measured, ({ metric }) => metric);
  return Object.entries(families)
    .filter(([name]) => byMetric.has(name))
    .map(([name, { type, help }]) => `# HELP lxd_${name} ${help}\n# TYPE lxd_${name} ${type}\n${byMetric.get(name)!.map(line).join('')}`)
    .join('');
}

function line({ metric, labels, value }: Measured): string {
  const shown = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => `${name}="${escaped(text)}"`);
  return `lxd_${metric}{${shown.join(',')}} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
