export interface Options {
  members: number;
  instances: number;
  /** Of the instances, how many are made through the API. */
  created: number;
  seed: string;
  /** Seconds after which the run has failed. */
  within: number;
  /** Seconds that nobody asks for anything at the end; the default has a round of looking after in it. */
  rest: number;
  /** Whether members fall silent and come back. */
  silence: boolean;
  /** MiB that the control plane's process may come to hold. */
  memory: number;
}

/** `--members N --instances N [--created N] [--seed TEXT] [--within SECONDS] [--rest SECONDS] [--memory MIB]` */
export function readOptions(words: readonly string[]): Options {
  const said = (name: string): string | undefined => (words.includes(`--${name}`) ? words[words.indexOf(`--${name}`) + 1] : undefined);
  const number = (name: string, otherwise: number): number => {
    const value = Number(said(name) ?? otherwise);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is a number from 1`);
    return value;
  };
  const instances = number('instances', 2000);
  return {
    members: number('members', 50),
    instances,
    created: Math.min(instances, number('created', 3000)),
    seed: (said('seed') ?? 'asterism').replace(/[^a-z0-9-]/gi, ''),
    within: number('within', 1200),
    rest: number('rest', 70),
    silence: true,
    memory: number('memory', 1536),
  };
}
