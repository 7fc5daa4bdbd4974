import { families } from './families.js';

export interface Measured {
  /** Name of a family. */
  metric: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

const linesAtOnce = 4_000;

/** Keeps lines, which are a tenth of what they are made of, until all are there: a family stands together in the text. */
export class OpenMetrics {
  readonly #lines = new Map<string, string[]>();

  add(measured: Iterable<Measured>): void {
    for (const one of measured) {
      const lines = this.#lines.get(one.metric) ?? [];
      if (lines.push(line(one)) === 1) this.#lines.set(one.metric, lines);
    }
  }

  /** Text without its end: families in their order, each with what it is. */
  *pieces(): Iterable<string> {
    for (const [name, { type, help }] of Object.entries(families)) {
      const lines = this.#lines.get(name);
      if (!lines) continue;
      yield `# HELP lxd_${name} ${help}\n# TYPE lxd_${name} ${type}\n`;
      for (let from = 0; from < lines.length; from += linesAtOnce) yield lines.slice(from, from + linesAtOnce).join('');
    }
  }
}

function line({ metric, labels, value }: Measured): string {
  const shown = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => `${name}="${escaped(text)}"`);
  return `lxd_${metric}{${shown.join(',')}} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
