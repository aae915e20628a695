import { createInterface } from 'node:readline/promises';
import type { EventResource, LonghaulClient } from '../client/client.ts';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { Shell } from './shell.ts';
import { toTerminalLine } from './terminal-text.ts';

/** Asks whoever sits at the terminal, one thing after the other, while a run is followed. */
export interface DecisionAsker extends Disposable {
  hear(event: EventResource): void;
}

/** Has a tool use that waits for a person decided on in the terminal. Questions of the agent's are for the command. */
export function createDecisionAsker(shell: Shell, client: LonghaulClient): DecisionAsker {
  const open = new Map<string, AbortController>();
  let last = Promise.resolve();

  return {
    hear({ type, data }) {
      if (type === 'approval.requested') {
        const { approvalId, kind } = data;
        if (kind === 'question') return;
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
  /** Aborts when it was decided elsewhere, or nobody follows any more. */
  readonly signal: AbortSignal;
}

/** Anything but y or n leaves it open. Never rejects: the commands above it decide as well. */
async function askDecision(shell: Shell, { client, approvalId, signal }: Asked): Promise<void> {
  if (signal.aborted) return;
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  // In raw mode Ctrl-C is a key like any other: it has to go on being what it is everywhere else.
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
