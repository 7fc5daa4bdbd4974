/**
 * One step of a script. A script is a text file, one step per line:
 *   lxc launch busybox c1                     a shell command, run as the local administrator; shown with both outputs and the exit code
 *   GET /1.0/instances?recursion=1            a raw request: METHOD path [Header=value ...] [body]; a body `@file` is read from the work directory
 *   @wait lxc exec c1 -- ip addr show eth0    repeats the command until it succeeds (20 s at most); only a time-out shows
 *   @quiet lxc delete -f c1                   runs the command; neither output nor exit code is compared
 *   @operation                                waits for the operation of the last raw request and shows it as it ended
 *   @save fp metadata.fingerprint             keeps a field of the last JSON answer; later lines write it {{fp}}
 *   @hide /regular expression/ text           replaces what matches in all later output of this script
 *   @sort                                     sorts the output lines of the next step
 *   @restart                                  ends the server with SIGTERM and starts it again
 *   @kill                                     the same with SIGKILL
 *   @exchange file                            each server's work directory gets the other's file as other-<file>
 *   @fresh                                    (first line) the script wants servers without any defaults
 *   @unmapped                                 (first line) the script wants servers of its own that do without idmapped mounts
 * A line that ends in a backslash goes on in the next one; `#` begins a comment.
 */
export type Step =
  | { kind: 'shell'; line: number; command: string; sorted: boolean }
  | { kind: 'wait' | 'quiet'; line: number; command: string }
  | { kind: 'request'; line: number; method: string; path: string; headers: Record<string, string>; body: string | undefined }
  | { kind: 'operation' | 'restart' | 'kill'; line: number }
  | { kind: 'exchange'; line: number; file: string }
  | { kind: 'save'; line: number; name: string; field: string }
  | { kind: 'hide'; line: number; pattern: RegExp; replacement: string };

export interface Script {
  name: string;
  fresh: boolean;
  unmapped: boolean;
  steps: Step[];
}

const methods = new Set(['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);

export function parseScript(name: string, text: string): Script {
  const steps: Step[] = [];
  let fresh = false;
  let unmapped = false;
  let sorted = false;
  for (const { line, text: source } of logicalLines(text)) {
    const [word = ''] = source.split(/\s/, 1);
    const rest = source.slice(word.length).trim();
    if (word === '@fresh') fresh = true;
    else if (word === '@unmapped') unmapped = true;
    else if (word === '@sort') sorted = true;
    else if (word === '@wait' || word === '@quiet') steps.push({ kind: word === '@wait' ? 'wait' : 'quiet', line, command: rest });
    else if (word === '@operation' || word === '@restart' || word === '@kill') steps.push({ kind: word.slice(1) as 'operation' | 'restart' | 'kill', line });
    else if (word === '@save') steps.push({ kind: 'save', line, name: rest.split(/\s+/)[0] ?? '', field: rest.split(/\s+/)[1] ?? '' });
    else if (word === '@exchange') steps.push({ kind: 'exchange', line, file: rest });
    else if (word === '@hide') steps.push(hideStep(line, rest));
    else if (word.startsWith('@')) throw new Error(`${name}:${line}: unknown directive ${word}`);
    else if (methods.has(word)) steps.push(requestStep(line, word, rest));
    else steps.push({ kind: 'shell', line, command: source, sorted });
    if (word !== '@sort') sorted = false;
  }
  return { name, fresh, unmapped, steps };
}

/** How a step is shown above its difference. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'shell':
      return `$ ${step.command}`;
    case 'request':
      return `> ${step.method} ${step.path}${Object.entries(step.headers).map(([key, value]) => ` ${key}=${value}`).join('')}${step.body ? ` ${step.body}` : ''}`;
    case 'wait':
    case 'quiet':
      return `@${step.kind} ${step.command}`;
    default:
      return `@${step.kind}`;
  }
}

function logicalLines(text: string): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = [];
  let pending: { line: number; text: string } | undefined;
  text.split('\n').forEach((raw, index) => {
    const joined: { line: number; text: string } = pending ? { line: pending.line, text: pending.text + raw.trim() } : { line: index + 1, text: raw.trim() };
    if (joined.text.endsWith('\\')) {
      pending = { line: joined.line, text: `${joined.text.slice(0, -1)} ` };
      return;
    }
    pending = undefined;
    if (joined.text !== '' && !joined.text.startsWith('#')) found.push(joined);
  });
  return found;
}

function requestStep(line: number, method: string, rest: string): Step {
  const [path = ''] = rest.split(/\s/, 1);
  let body = rest.slice(path.length).trim();
  const headers: Record<string, string> = {};
  for (let match = /^([A-Z][A-Za-z-]+)=(\S+)\s*/.exec(body); match; match = /^([A-Z][A-Za-z-]+)=(\S+)\s*/.exec(body)) {
    headers[match[1] ?? ''] = match[2] ?? '';
    body = body.slice(match[0].length);
  }
  return { kind: 'request', line, method, path, headers, body: body === '' ? undefined : body };
}

function hideStep(line: number, rest: string): Step {
  const match = /^\/(.*)\/\s*(.*)$/.exec(rest);
  if (!match) throw new Error(`line ${line}: @hide wants /pattern/ text`);
  return { kind: 'hide', line, pattern: new RegExp(match[1] ?? '', 'g'), replacement: match[2] ?? '' };
}
