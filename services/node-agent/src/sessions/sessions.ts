import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';
import { LxdError } from '@asterism/errors';
import type { agentInstances, common } from '@asterism/proto';
import { LostCall, type CallContext } from '@asterism/rpc';
import type { InstancePlace, InstancePlaces } from '../files/place.js';
import type { Argv } from '../host/commands.js';
import type { Host } from '../host/host.js';
import { attachCommand, consoleCommand, withConfig } from './attach-command.js';
import { muteProgram, pipedProgram, terminalProgram } from './programs.js';
import { Session, type Program, type SessionOptions } from './session.js';

type Frame = agentInstances.SessionFrame;

/** Sockets must be open within this. */
const joinMs = 30_000;
/** Results are kept for whoever asks late. */
const keepMs = 10 * 60_000;
/** Sessions that go on for longer than this end with an agent that is replaced. */
const drainMs = 5_000;

/** A line that lxc-attach refuses unless it is completed: who is let go of, by us or by the agent's death, enters nothing. */
const [unfinishedConfig, restOfConfig] = ['lxc.uts.name', ' = held\n'];

/** Commands and consoles of the instances of this host: the meeting place of their sockets, whichever gateways these come through. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  /** Of those that are over: nothing else of them is kept. */
  readonly #results = new Map<string, agentInstances.SessionResult>();
  /** Of these nobody has asked for the result. */
  readonly #unasked = new Set<string>();
  #isDraining = false;

  constructor(
    private readonly host: Host,
    private readonly places: InstancePlaces,
  ) {}

  async startExec(_call: CallContext, request: agentInstances.ExecSession): Promise<common.Empty> {
    if (this.#isKnown(request.id)) return {};
    this.#requireTime();
    const place = this.#running(request.instance_id);
    const cwd = request.cwd || '/root';
    const hostHasCwd = cwd.startsWith('/') && (await this.host.files.stat(cwd))?.kind === 'directory';
    const command = attachCommand(place.lxc, request, hostHasCwd);
    const size = { columns: request.width, rows: request.height };
    const start = (argv: Argv): Promise<Program> => {
      if (request.interactive) return terminalProgram(this.host, argv, { ...size, cwd: command.cwd, env: hostEnvironment() });
      return request.wait_for_websocket || request.record_output ? pipedProgram(this.host, argv, { cwd: command.cwd }) : muteProgram(this.host, argv, { cwd: command.cwd });
    };
    if (request.wait_for_websocket) this.#openHeld(request, (config) => start(withConfig(command.argv, config)));
    else this.#open(request.id, { awaited: [], start: () => start(command.argv), record: (program) => this.#record(request, place, program) });
    return {};
  }

  async startConsole(_call: CallContext, request: agentInstances.ConsoleSession): Promise<common.Empty> {
    this.#requireTime();
    const place = this.#running(request.instance_id);
    const size = { columns: request.width, rows: request.height };
    const start = (): Promise<Program> => terminalProgram(this.host, consoleCommand(place.lxc), { ...size, env: hostEnvironment() });
    if (!this.#isKnown(request.id)) this.#open(request.id, { awaited: ['0'], start });
    return {};
  }

  async waitSession(_call: CallContext, { id }: agentInstances.SessionRef): Promise<agentInstances.SessionResult> {
    const result = this.#results.get(id) ?? (await this.#sessions.get(id)?.result);
    this.#unasked.delete(id);
    return result ?? { exit_code: -1, output: {}, error: 'The session was interrupted' };
  }

  async cancelSession(_call: CallContext, { id }: agentInstances.SessionRef): Promise<common.Empty> {
    await this.#sessions.get(id)?.cancel();
    return {};
  }

  /** Those who ask for a session from now on wait for who comes after; short ones come to their end, and their results to who waits for them. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    for (const deadline = performance.now() + drainMs; this.#unasked.size > 0 && performance.now() < deadline; ) await sleep(10);
  }

  async *attach(_call: CallContext, frames: AsyncIterable<Frame>): AsyncIterable<Frame> {
    const incoming = frames[Symbol.asyncIterator]();
    const first = await incoming.next();
    if (first.done) return;
    const { session_id, fd } = first.value;
    if (this.#results.has(session_id)) return;
    const session = this.#sessions.get(session_id);
    if (!session) throw new LxdError('not-found', 'Session not found');
    yield* session.attach(fd, { [Symbol.asyncIterator]: () => incoming });
  }

  #running(instanceId: string): InstancePlace & { lxc: NonNullable<InstancePlace['lxc']> } {
    const place = this.places.place(instanceId);
    if (place.pid === undefined || !place.lxc) throw new LxdError('bad-request', 'Instance is not running');
    return { ...place, lxc: place.lxc };
  }

  #requireTime(): void {
    if (this.#isDraining) throw new LostCall('The agent is being replaced', {}, true);
  }

  /** The tool is started while the client connects, and waits for the end of its configuration before it enters the container. */
  #openHeld({ id, interactive }: agentInstances.ExecSession, start: (config: string) => Promise<Program>): void {
    const held = this.host.holdFile(unfinishedConfig);
    const program = start(held.path);
    program.catch(() => undefined);
    const enter = (): Promise<Program> => {
      held.finish(restOfConfig);
      return program;
    };
    const session = this.#open(id, { awaited: interactive ? ['0'] : ['0', '1', '2'], start: enter });
    void session.result.finally(() => held.close());
  }

  #isKnown(id: string): boolean {
    return this.#sessions.has(id) || this.#results.has(id);
  }

  #open(id: string, options: SessionOptions): Session {
    this.#unasked.add(id);
    const session = new Session(id, options);
    this.#sessions.set(id, session);
    const timer = setTimeout(() => {
      if (!session.isComplete) session.giveUp('Timed out waiting for websockets to connect');
    }, joinMs);
    void session.result.then((result) => {
      clearTimeout(timer);
      this.#results.set(id, result);
      this.#sessions.delete(id);
      setTimeout(() => void (this.#results.delete(id), this.#unasked.delete(id)), keepMs).unref();
    });
    return session;
  }

  /** Without sockets, output goes to log files when asked for, else nowhere. Answers the files by fd. */
  async #record(request: agentInstances.ExecSession, place: InstancePlace, program: Program): Promise<Record<string, string>> {
    const names = { '1': `exec_${request.id}.stdout`, '2': `exec_${request.id}.stderr` };
    program.closeInput();
    await Promise.all(
      Object.entries(names).map(async ([fd, name]) => {
        const output = program.outputs[fd];
        if (!output) return;
        if (request.record_output) await pipeline(output, this.host.files.writeStream(join(place.logsDir, name), { mode: 0o600 })).catch(unlessReleased);
        else await drain(output).catch(unlessReleased);
      }),
    );
    return request.record_output ? names : {};
  }
}

/** For the tool on the host's side; the guest's environment is on its command line. */
function hostEnvironment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', TERM: 'xterm' };
}

async function drain(output: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _chunk of output);
}

function unlessReleased(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
}
