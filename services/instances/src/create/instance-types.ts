import { instanceKeys } from '@asterism/config-keys';
import { LxdError } from '@asterism/errors';
import { parse } from 'yaml';

/** What a type stands for: processors and GB, either of them 0 where it says nothing. */
interface Size {
  cpu: number;
  memory: number;
}

/** Sizes by the clouds' names for them: cloud, then type in lower case. */
type Catalogue = ReadonlyMap<string, ReadonlyMap<string, Size>>;

const dayMs = 24 * 60 * 60 * 1000;
const hourMs = 60 * 60 * 1000;
const patienceMs = 10_000;
const largest = 1024 * 1024;

/** Instance types: "c2-m4" means itself, "t2.micro" and "aws:t2.micro" are looked up in the catalogue that LXD's users know, read once a day at most. */
export class InstanceTypes {
  #catalogue: Promise<Catalogue> | undefined;
  #staleAtMs = 0;

  /** @param address of a directory with ".yaml", which names a file for each cloud */
  constructor(private readonly address: string = process.env['ASTERISM_INSTANCE_TYPES'] ?? 'https://images.linuxcontainers.org/meta/instance-types') {}

  /** Config that the type stands for. */
  async limits(type: string): Promise<Record<string, string>> {
    if (type === '') return {};
    const size = type.includes(':') ? undefined : customSize(type);
    return limitsOf(size ?? this.#named(type, await this.#read()));
  }

  #named(type: string, catalogue: Catalogue): Size {
    const [cloud, name] = type.includes(':') ? [type.slice(0, type.indexOf(':')), type.slice(type.indexOf(':') + 1)] : ['', type];
    const found = [...catalogue].filter(([each]) => cloud === '' || cloud === each).flatMap(([, sizes]) => sizes.get(name.toLowerCase()) ?? []);
    if (found.length > 1) throw new LxdError('bad-request', `Ambiguous instance type provided: ${type}`);
    if (!found[0]) throw new LxdError('bad-request', `Provided instance type doesn't exist: ${type}`);
    return found[0];
  }

  /** What cannot be read is an empty catalogue, tried again after an hour; an old one stays. */
  async #read(): Promise<Catalogue> {
    if (performance.now() < this.#staleAtMs) return this.#catalogue!;
    this.#staleAtMs = performance.now() + dayMs;
    const before = this.#catalogue;
    this.#catalogue = readCatalogue(this.address).catch(() => {
      this.#staleAtMs = performance.now() + hourMs;
      return before ?? new Map();
    });
    return this.#catalogue;
  }
}

/** "c1.5-m0.5", either part alone, the last of a kind wins; undefined where it is none of these. */
function customSize(type: string): Size | undefined {
  const size: Size = { cpu: 0, memory: 0 };
  for (const part of type.split('-')) {
    const kind = part[0];
    if (part.length < 2 || (kind !== 'c' && kind !== 'm')) return undefined;
    if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(part.slice(1))) {
      if (/^[a-z]+\d*\./.test(part)) return undefined; // m5.large
      throw new LxdError('bad-request', `Bad custom instance type: ${type}`);
    }
    size[kind === 'c' ? 'cpu' : 'memory'] = Math.fround(Number(part.slice(1)));
  }
  return size;
}

/** Processors are rounded up, and their time is cut to what was asked for. */
function limitsOf({ cpu, memory }: Size): Record<string, string> {
  const cores = Math.ceil(cpu);
  const share = Math.trunc(Math.fround(Math.fround(cpu / cores) * 100));
  return {
    ...(cpu > 0 ? { [instanceKeys.limitsCpu.name]: String(cores) } : {}),
    ...(cpu > 0 && share < 100 ? { [instanceKeys.limitsCpuAllowance.name]: `${share}%` } : {}),
    ...(memory > 0 ? { [instanceKeys.limitsMemory.name]: `${Math.trunc(memory * 1024)}MB` } : {}),
  };
}

async function readCatalogue(address: string): Promise<Catalogue> {
  const files = Object.entries(recordOf(await readYaml(`${address}/.yaml`))).filter((entry): entry is [string, string] => /^[\w.-]+$/.test(String(entry[1])));
  const clouds = await Promise.all(files.map(async ([cloud, file]): Promise<[string, Map<string, Size>]> => [cloud, sizesOf(await readYaml(`${address}/${file}`))]));
  return new Map(clouds);
}

function sizesOf(document: unknown): Map<string, Size> {
  return new Map(
    Object.entries(recordOf(document)).map(([name, entry]) => {
      const { cpu, mem } = recordOf(entry);
      return [name.toLowerCase(), { cpu: numberOf(cpu), memory: numberOf(mem) }];
    }),
  );
}

async function readYaml(url: string): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(patienceMs), redirect: 'error' });
  if (!answer.ok || !answer.body) throw new LxdError('internal', `${url} answers ${answer.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > largest) throw new LxdError('internal', `${url} is too large`);
    chunks.push(chunk);
  }
  return parse(Buffer.concat(chunks).toString(), { maxAliasCount: 0 });
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.fround(value) : 0;
}
