import { createInterface } from 'node:readline/promises';
import type { EventResource, LonghaulClient } from '../client/client.ts';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { Shell } from './shell.ts';
import { toTerminalLine } from './terminal-text.ts';

/** Asks the person at the terminal for decisions, one after the other, while the command follows a run. */
export interface DecisionAsker extends Disposable {
  hear(event: EventResource): void;
}

/**
 * Creates an asker for pending tool uses. Questions of the agent are answered with the `approvals` command, and tools that
 * the client runs with the client's result.
 */
export function createDecisionAsker(shell: Shell, client: LonghaulClient): DecisionAsker {
  const open = new Map<string, AbortController>();
  let last = Promise.resolve();

  return {
    hear({ type, data }) {
      if (type === 'approval.requested') {
        const { approvalId, kind } = data;
        if (kind !== 'tool') return;
        const asked = new AbortController();
        open.set(approvalId, asked);
        last = last.then(() => askDecision(shell, { client, approvalId, signal: asked.signal }));
      }
      if (type === 'approval.resolved') open.get(data.approvalId)?.abort();
    },
    [Symbol.dispose]() {
      for (const asked of open.values()) asked.abort();
    },
  };
}

interface Asked {
  readonly client: LonghaulClient;
  readonly approvalId: string;
  /** Aborts when the approval was decided elsewhere, or the command no longer follows the run. */
  readonly signal: AbortSignal;
}

/**
 * Leaves the approval open for any answer except y or n. Never rejects: the commands above the question can decide it
 * as well.
 */
async function askDecision(shell: Shell, { client, approvalId, signal }: Asked): Promise<void> {
  if (signal.aborted) return;
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  // In raw mode Ctrl-C is an ordinary key: it must still interrupt the command.
  reader.on(
    'SIGINT',
    guarded(() => process.kill(process.pid, 'SIGINT')),
  );
  try {
    const answer = (await reader.question('  Allow it? [y/n] ', { signal })).trim().toLowerCase();
    if (answer === 'y' || answer === 'yes') await client.approve(approvalId);
    else if (answer === 'n' || answer === 'no') await client.deny(approvalId, 'Denied in the terminal.');
  } catch (error) {
    if (!signal.aborted) shell.stderr.line(`longhaul: ${toTerminalLine(toMessage(error))}`);
  } finally {
    reader.close();
  }
}
