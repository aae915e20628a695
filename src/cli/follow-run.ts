import type { LonghaulClient, RunResource } from '../client/client.ts';
import { guarded } from '../core/guard.ts';
import { createDecisionAsker } from './ask-decision.ts';
import { createLiveView } from './live-view.ts';
import { toExitCode } from './outcome.ts';
import type { Shell } from './shell.ts';
import { toTerminalJson } from './terminal-text.ts';

interface FollowRunOptions {
  readonly client: LonghaulClient;
  readonly runId: string;
  /** The `seq` to begin after. Defaults to 0: the whole log. */
  readonly after?: number | undefined;
  /** True to print one line of JSON per event instead of the live view. */
  readonly isJson: boolean;
  /** True to ask the person at the terminal to decide pending approvals. Defaults to false. */
  readonly asks?: boolean;
  /** Stops following, not the run. */
  readonly signal?: AbortSignal;
}

/** Shows a run until it ends; returns its final state, or null when following was stopped before. */
export async function followRun(shell: Shell, options: FollowRunOptions): Promise<RunResource | null> {
  const { client, runId, after, isJson } = options;
  const signal = AbortSignal.any([shell.readerGone, ...(options.signal ? [options.signal] : [])]);
  const view = createLiveView(shell.stdout);
  let isInterrupted = false;
  const onInterruption = () => {
    if (!isInterrupted) shell.stderr.line('longhaul: the connection to the server was lost; reconnecting');
    isInterrupted = true;
  };
  using approvals = createDecisionAsker(shell, client);
  for await (const event of client.stream(runId, { after, signal, onInterruption })) {
    isInterrupted = false;
    if (isJson) shell.stdout.line(toTerminalJson(event));
    else view.add(event);
    if (options.asks === true) approvals.hear(event);
  }
  if (signal.aborted) return null;
  const run = await client.getRun(runId);
  if (!isJson) view.close(run);
  return run;
}

/**
 * Follows a run for a command: Ctrl-C stops following and reports that the run continues. The exit code is the run's
 * outcome, or 130 after Ctrl-C.
 */
export async function followForCommand(shell: Shell, options: Omit<FollowRunOptions, 'signal'>): Promise<void> {
  const detached = new AbortController();
  const detach = guarded(() => detached.abort());
  process.once('SIGINT', detach);
  try {
    const run = await followRun(shell, { ...options, signal: detached.signal });
    if (run !== null) {
      shell.exitCode = toExitCode(run);
    } else if (detached.signal.aborted) {
      shell.stderr.line(
        `\nThe run continues. Follow it: longhaul tail ${options.runId}\n             Cancel it: longhaul cancel ${options.runId}`,
      );
      shell.exitCode = 130;
    }
  } finally {
    process.off('SIGINT', detach);
  }
}
