import type { Cgroups } from './cgroups.js';
import type { Exec, Spawn, SpawnMute } from './commands.js';
import type { Files } from './files.js';
import type { Forwarders } from './forwarders.js';
import type { Guests } from './guests.js';
import type { Interceptors } from './interceptors.js';
import type { HoldFile } from './held-file.js';
import type { Links } from './links.js';
import type { Mounts } from './mounts.js';
import type { Owners } from './owners/owners.js';
import type { Processes } from './processes.js';
import type { Subvolumes } from './subvolumes.js';
import type { OpenTerminal } from './terminals.js';
import type { ListenForUevents } from './uevents.js';
import type { UnixSockets } from './unix-sockets.js';

/**
 * The operating system as drivers see it; nothing outside `host/` starts a process, opens a host file or makes a system call.
 * `linuxHost()` is the real one, `FakeHost` the one of unit tests.
 */
export interface Host {
  /** Runs a command to its end; throws with the words of its stderr when it fails or its deadline passes. */
  exec: Exec;
  /** Starts a command whose standard streams are consumed while it runs. */
  spawn: Spawn;
  spawnMute: SpawnMute;
  /** Starts a command on a pseudoterminal. */
  terminal: OpenTerminal;
  files: Files;
  owners: Owners;
  /** A file whose reader waits for its end. */
  holdFile: HoldFile;
  mounts: Mounts;
  subvolumes: Subvolumes;
  cgroups: Cgroups;
  /** Network interfaces. */
  links: Links;
  /** Processes that outlive the agent. */
  processes: Processes;
  /** The inside of running instances. */
  guests: Guests;
  unixSockets: UnixSockets;
  forwarders: Forwarders;
  interceptors: Interceptors;
  /** Tells of devices that come and go, until it is stopped. */
  uevents: ListenForUevents;
}
