export type Config = Readonly<Record<string, string>>;
export type Devices = Readonly<Record<string, Config>>;

export interface ProjectFacts {
  name: string;
  config: Config;
}

/** An instance as the gate sees it: what its profiles and its own config add up to. */
export interface InstanceFacts {
  name: string;
  type: 'container' | 'virtual-machine';
  config: Config;
  devices: Devices;
}

export interface ProfileFacts {
  name: string;
  config: Config;
  devices: Devices;
}
