// Imported by a server that runs with libfaketime: the database gets its clock, the commands of the agent do not (in their jails it cannot run).
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';

const { LD_PRELOAD } = process.env;
delete process.env.LD_PRELOAD;
const { spawn } = childProcess;
childProcess.spawn = (command, args, options) => spawn(command, args, command.endsWith('/postgres') ? { ...options, env: { ...process.env, LD_PRELOAD } } : options);
syncBuiltinESMExports();
