import { hostCgroups } from './cgroups.js';
import { currentCall, watched } from '@asterism/rpc';
import { basename } from 'node:path';
import { exec, spawn, spawnMute, type Exec } from './commands.js';
import { hostFiles } from './files.js';
import { hostForwarders } from './forwarders.js';
import { linuxGuests } from './guests.js';
import { holdFile } from './held-file.js';
import type { Host } from './host.js';
import { hostInterceptors } from './interceptors.js';
import { hostLinks } from './links.js';
import { hostMounts } from './mounts.js';
import { hostOwners } from './owners/owners.js';
import { hostProcesses } from './processes.js';
import { keepDescriptorsHere } from './syscalls.js';
import { openTerminal } from './terminals.js';
import { hostSubvolumes } from './subvolumes.js';
import { listenForUevents } from './uevents.js';
import { hostUnixSockets } from './unix-sockets.js';

/** The machine the agent runs on. */
export function linuxHost(): Host {
  keepDescriptorsHere();
  return {
    exec: watchedExec,
    spawn,
    spawnMute,
    terminal: openTerminal,
    files: hostFiles,
    owners: hostOwners(),
    holdFile,
    mounts: hostMounts,
    subvolumes: hostSubvolumes,
    cgroups: hostCgroups,
    links: hostLinks,
    processes: hostProcesses,
    guests: linuxGuests(),
    unixSockets: hostUnixSockets,
    forwarders: hostForwarders,
    interceptors: hostInterceptors,
    uevents: listenForUevents,
  };
}

/** Commands belong to the call that they run for. */
const watchedExec: Exec = (argv, options) => watched({ kind: 'command', name: basename(argv[0]) }, currentCall(), () => exec(argv, options));
