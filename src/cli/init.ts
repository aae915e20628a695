import { toMessage } from '../core/errors.ts';

/**
 * The additional duties of a container's first process: it passes signals on, and waits for every orphaned process,
 * which would otherwise stay a zombie forever. `wait` of a shell does that for all its children, including adopted
 * ones. A terminal's Ctrl-C reaches the command by itself.
 */
const INIT = `
child= early=
pass() { if [ -n "$child" ]; then kill -"$1" "$child" 2>/dev/null; else early=$1; fi; }
for signal in TERM HUP QUIT USR1 USR2; do trap "pass $signal" $signal; done
trap '[ -t 0 ] || pass INT' INT
"$@" <&0 &
child=$!
[ -z "$early" ] || kill -"$early" "$child"
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || exit "$code"
done
`;

/**
 * Replaces this process by a shell that runs the same command as its child, if this process is the first of its
 * container: Node cannot wait for processes that it has not started, and tools leave some behind. Returns null if this
 * process is not the first, and the reason if it cannot be replaced.
 */
export function continueUnderInit(): { readonly problem: string } | null {
  if (process.pid !== 1 || process.platform !== 'linux') return null;
  const problem = (reason: string) => ({
    problem: `This process is the first of its container and cannot wait for processes that tools leave behind (${reason}): start the container with an init, such as docker run --init`,
  });
  if (process.execve === undefined) return problem('Node 22.15 or later is needed for it');
  const [script = ''] = process.argv.slice(1);
  const command = [process.execPath, ...process.execArgv, script, ...process.argv.slice(2)];
  try {
    return process.execve('/bin/sh', ['sh', '-c', INIT, 'longhaul-init', ...command], definedOf(process.env));
  } catch (error) {
    return problem(toMessage(error));
  }
}

function definedOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
