// Runs a command as if it had taken this process's place (Node 20 has no exec).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { withoutNoise } from './noise.mjs';

const windows = process.platform === 'win32';
const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', ...(windows ? [] : ['SIGQUIT', 'SIGUSR2', 'SIGWINCH'])];

/**
 * A word as cmd.exe and then a .cmd file's %* hand it on, whatever is in it: quoted for the program's own parser, and every
 * character that the shell acts on escaped, twice, since it reads the line twice.
 * @param {string} text
 */
export function windowsWord(text) {
  if (/^[\w./:\\=@+-]+$/.test(text)) return text;
  const quoted = `"${text.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\*)$/, '$1$1')}"`;
  const escaped = (line) => line.replace(/[()[\]%!^"`<>&|;, *?]/g, '^$&');
  return escaped(escaped(quoted));
}

/**
 * Runs a command with inherited standard streams, hands signals on and ends this process the way the command ended.
 * The command finds standard error itself as descriptor 3, too: what it writes there is in order with standard output,
 * and may be a terminal; descriptor 2 comes through here, where Dawn's own messages are left out.
 *
 * The command gets a process group of its own, so that each signal reaches it exactly once: a Ctrl-C goes to the
 * terminal's group, where only this process is, and from here to the command, just as `kill` on this process does.
 * (A program that saves and stops at the first SIGINT would die of a second.)
 *
 * Files are read and images decoded by as many threads as there are processors, where UV_THREADPOOL_SIZE says nothing
 * else: Node's own are four, which keep no large GPU busy.
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
    const shell = windows && !/\.(exe|com)$/i.test(file);
    const words = shell ? [file, ...rest].map(windowsWord) : [file, ...rest];
    const threads = String(Math.max(4, os.availableParallelism()));
    // Before the command is there: it may be at work before this process goes on.
    const forward = (signal) => windows || child.kill(signal);
    for (const signal of forwarded) process.on(signal, forward);
    const child = spawn(words[0], words.slice(1), {
      env: { UV_THREADPOOL_SIZE: threads, ...env },
      stdio: windows ? 'inherit' : ['inherit', 'inherit', 'pipe', 2],
      detached: !windows,
      shell,
    });
    process.stderr.on('error', () => {}); // whoever read it has gone
    const told = child.stderr && withoutNoise(child.stderr, (text) => process.stderr.write(text));
    // Stopped by the terminal, the command stops as well, and goes on with this process.
    const suspend = () => {
      child.kill('SIGSTOP');
      process.kill(process.pid, 'SIGSTOP');
    };
    const resume = () => child.kill('SIGCONT');
    if (!windows) process.on('SIGTSTP', suspend).on('SIGCONT', resume);
    const finish = async (code, signal) => {
      await Promise.race([told, setTimeout(300)]); // a child of the command's may hold the pipe
      for (const name of forwarded) process.off(name, forward);
      process.off('SIGTSTP', suspend).off('SIGCONT', resume);
      child.stderr?.destroy();
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
