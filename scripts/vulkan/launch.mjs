// Runs a command as if it had taken this process's place (Node 20 has no exec).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';

const windows = process.platform === 'win32';
const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', ...(windows ? [] : ['SIGQUIT', 'SIGUSR2', 'SIGWINCH'])];

/**
 * Runs a command with inherited standard streams, hands signals on and ends this process the way the command ended.
 *
 * The command gets a process group of its own, so that each signal reaches it exactly once: a Ctrl-C goes to the
 * terminal's group, where only this process is, and from here to the command, just as `kill` on this process does.
 * (A program that saves and stops at the first SIGINT would die of a second.)
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<void>} settled once this process's exit code is set
 */
export function launch(command, args, env = process.env) {
  // The command must not live on when this process is killed outright: util-linux can see to that.
  const tied = process.platform === 'linux' && existsSync('/usr/bin/setpriv');
  const [file, ...rest] = [
    ...(tied ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : []),
    command,
    ...args,
  ];
  return new Promise((resolve) => {
    // Windows: npm's commands are .cmd files, which need the shell; the console sends Ctrl-C to both processes.
    const child = spawn(file, rest, { env, stdio: 'inherit', detached: !windows, shell: windows });
    const forward = (signal) => windows || child.kill(signal);
    for (const signal of forwarded) process.on(signal, forward);
    const finish = (code, signal) => {
      for (const name of forwarded) process.off(name, forward);
      if (signal) process.kill(process.pid, signal);
      process.exitCode = signal ? 128 + os.constants.signals[signal] : code;
      resolve();
    };
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      finish(127);
    });
    child.on('exit', finish);
  });
}
