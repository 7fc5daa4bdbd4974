import { hostCgroups } from './cgroups.js';
import { exec, spawn } from './commands.js';
import { hostFiles } from './files.js';
import { hostForwarders } from './forwarders.js';
import { linuxGuests } from './guests.js';
import type { Host } from './host.js';
import { hostLinks } from './links.js';
import { hostMounts } from './mounts.js';
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
    exec,
    spawn,
    terminal: openTerminal,
    files: hostFiles,
    mounts: hostMounts,
    subvolumes: hostSubvolumes,
    cgroups: hostCgroups,
    links: hostLinks,
    processes: hostProcesses,
    guests: linuxGuests(),
    unixSockets: hostUnixSockets,
    forwarders: hostForwarders,
    uevents: listenForUevents,
  };
}
