import { createInterface } from 'node:readline/promises';
import { LonghaulApiError, type LonghaulClient } from '../client/client.ts';
import type { Shell } from './shell.ts';
import { toTerminalLine } from './terminal-text.ts';

interface Asked {
  readonly client: LonghaulClient;
  readonly approvalId: string;
  /** Aborts when it was decided elsewhere, or nobody follows any more. */
  readonly signal: AbortSignal;
}

/** Asks whoever sits at the terminal whether a tool may be used, and sends the answer. Anything but y or n leaves it open. */
export async function askDecision(shell: Shell, { client, approvalId, signal }: Asked): Promise<void> {
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  // In raw mode Ctrl-C is a key like any other: it has to go on being what it is everywhere else.
  reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = (await reader.question('  Allow it? [y/n] ', { signal })).trim().toLowerCase();
    if (answer === 'y' || answer === 'yes') await client.approve(approvalId);
    else if (answer === 'n' || answer === 'no') await client.deny(approvalId, 'Denied in the terminal.');
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof LonghaulApiError)) throw error;
    shell.stderr.line(`longhaul: ${toTerminalLine(error.message)}`);
  } finally {
    reader.close();
  }
}
