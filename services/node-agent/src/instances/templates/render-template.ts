import { LxdError } from '@asterism/errors';

/** What templates may name; nested by dots ("container.name"). */
export interface TemplateContext {
  [name: string]: unknown;
  config: Readonly<Record<string, string>>;
}

type Token = { kind: 'text' | 'output' | 'tag'; text: string };

const maxOutput = 1024 * 1024;

/**
 * The part of Django's template language that image templates use: {{ variable|filter:"argument" }}, config_get("key", "default"), {% if %} with
 * elif and else, and comments. No loops, no includes, no files: a template cannot reach anything but its context.
 */
export function renderTemplate(source: string, context: TemplateContext): string {
  const tokens = tokenize(source);
  const [text, end] = renderBlock(tokens, 0, context, true);
  if (end < tokens.length) throw new LxdError('bad-request', `Template: unexpected "${tokens[end]!.text}"`);
  return text;
}

function tokenize(source: string): Token[] {
  return source
    .split(/(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})/s)
    .filter((part) => part !== '' && !part.startsWith('{#'))
    .map((part) => {
      if (part.startsWith('{{')) return { kind: 'output', text: part.slice(2, -2).trim() };
      if (part.startsWith('{%')) return { kind: 'tag', text: part.slice(2, -2).replace(/^-|-$/g, '').trim() };
      return { kind: 'text', text: part };
    });
}

/** Up to the tag that ends the block; the answer's second part is that tag's index. */
function renderBlock(tokens: Token[], start: number, context: TemplateContext, active: boolean): [string, number] {
  let output = '';
  let index = start;
  while (index < tokens.length) {
    const token = tokens[index]!;
    if (token.kind === 'tag') {
      if (/^(elif|else|endif)\b/.test(token.text)) break;
      if (!token.text.startsWith('if ')) throw new LxdError('bad-request', `Template: tag "${token.text.split(' ')[0]}" is not supported`);
      const [text, next] = renderIf(tokens, index, context, active);
      output += text;
      index = next;
    } else {
      if (active) output += token.kind === 'text' ? token.text : show(evaluate(token.text, context));
      index++;
    }
    if (output.length > maxOutput) throw new LxdError('bad-request', 'Template: the result is larger than 1 MiB');
  }
  return [output, index];
}

function renderIf(tokens: Token[], start: number, context: TemplateContext, active: boolean): [string, number] {
  let output = '';
  let taken = false;
  let index = start;
  for (;;) {
    const tag = tokens[index]?.text;
    if (tag === undefined) throw new LxdError('bad-request', 'Template: if without endif');
    if (tag === 'endif') return [output, index + 1];
    const holds = active && !taken && (tag === 'else' || isTrue(condition(tag.replace(/^(el)?if\s+/, ''), context)));
    const [text, next] = renderBlock(tokens, index + 1, context, holds);
    if (holds) {
      output = text;
      taken = true;
    }
    index = next;
  }
}

function condition(text: string, context: TemplateContext): unknown {
  const or = text.split(/\s+(?:or|\|\|)\s+/);
  if (or.length > 1) return or.some((part) => isTrue(condition(part, context)));
  const and = text.split(/\s+(?:and|&&)\s+/);
  if (and.length > 1) return and.every((part) => isTrue(condition(part, context)));
  const not = /^(?:not\s+|!)(.*)$/s.exec(text);
  if (not) return !isTrue(condition(not[1]!, context));
  const comparison = /^(.*?)\s*(==|!=)\s*(.*)$/s.exec(text);
  if (!comparison) return evaluate(text, context);
  const equal = show(evaluate(comparison[1]!, context)) === show(evaluate(comparison[3]!, context));
  return comparison[2] === '==' ? equal : !equal;
}

function evaluate(text: string, context: TemplateContext): unknown {
  const [head = '', ...filters] = splitOutsideQuotes(text, '|');
  return filters.reduce((value, filter) => applyFilter(value, filter.trim(), context), operand(head.trim(), context));
}

function operand(text: string, context: TemplateContext): unknown {
  const quoted = /^"((?:[^"\\]|\\.)*)"$|^'((?:[^'\\]|\\.)*)'$/s.exec(text);
  if (quoted) return (quoted[1] ?? quoted[2] ?? '').replace(/\\(.)/g, '$1');
  if (/^-?\d+$/.test(text)) return Number(text);
  if (text === 'true' || text === 'True') return true;
  if (text === 'false' || text === 'False') return false;
  const call = /^config_get\(\s*(.+?)\s*,\s*(.+?)\s*\)$/s.exec(text);
  if (call) return context.config[show(operand(call[1]!, context))] ?? operand(call[2]!, context);
  if (!/^[\w.-]+$/.test(text)) throw new LxdError('bad-request', `Template: cannot read "${text}"`);
  return lookup(text.split('.'), context);
}

/** Keys may have dots themselves ("properties.os", "config.user.x"): the rest of a path is tried as one key first. */
function lookup(path: string[], value: unknown): unknown {
  if (path.length === 0) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  const whole = path.join('.');
  if (Object.hasOwn(value, whole)) return (value as Record<string, unknown>)[whole];
  const [first = '', ...rest] = path;
  return Object.hasOwn(value, first) ? lookup(rest, (value as Record<string, unknown>)[first]) : undefined;
}

function applyFilter(value: unknown, filter: string, context: TemplateContext): unknown {
  const [name = '', ...argument] = splitOutsideQuotes(filter, ':');
  const given = argument.length > 0 ? operand(argument.join(':').trim(), context) : undefined;
  switch (name.trim()) {
    case 'default':
      return isTrue(value) ? value : given;
    case 'lower':
      return show(value).toLowerCase();
    case 'upper':
      return show(value).toUpperCase();
    case 'capfirst':
      return show(value).replace(/^./, (first) => first.toUpperCase());
    case 'length':
      return show(value).length;
    case 'cut':
      return show(value).replaceAll(show(given), '');
    case 'safe':
    case 'escape':
      return value;
    default:
      throw new LxdError('bad-request', `Template: filter "${name}" is not supported`);
  }
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts = [''];
  let quote = '';
  for (const character of text) {
    if (quote === '' && character === separator) parts.push('');
    else {
      parts[parts.length - 1] += character;
      if (quote === '' && (character === '"' || character === "'")) quote = character;
      else if (character === quote) quote = '';
    }
  }
  return parts;
}

function isTrue(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && value !== 0;
}

function show(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value as string | number);
}
