import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceOutputTypes, SQSClient } from '@aws-sdk/client-sqs';
import type { SqsClients } from './sqs-clients.ts';

/** Time for which a late message is not visible, in seconds. */
const LATE_SECONDS = 3;

/**
 * Adds the behaviour that AWS documents for standard queues and no server for tests has: sends that arrive and fail,
 * messages that are late or doubled, receives that miss what is there, deletes that are lost, counts that are a minute
 * old, and throttling. Every fault comes by number, so that a test repeats exactly.
 */
export function addBadBehaviour({ quick, waiting }: SqsClients): void {
  let calls = 0;
  const counts = new Map<string, { value: unknown; readAt: number }>();

  const makeBad = (client: SQSClient) =>
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const command = String(context['commandName']).replace(/Command$/, '');
        const turn = ++calls;
        const input = args.input as Record<string, unknown>;
        if (turn % 23 === 0) throw Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
        if (command === 'SendMessageBatch') return sendBadly(turn, input, () => next(args));
        if (command === 'ReceiveMessage' && turn % 5 === 0) return answer({ Messages: [] });
        if (command === 'DeleteMessageBatch' && turn % 4 === 0) return answer({ Successful: [], Failed: [] });
        const result = await next(args);
        return command === 'GetQueueAttributes' ? ageCounts(String(input['QueueUrl']), result) : result;
      },
      { step: 'initialize', name: 'badBehaviour' },
    );

  async function sendBadly<T>(turn: number, input: Record<string, unknown>, send: () => Promise<T>): Promise<T> {
    if (turn % 3 === 0) {
      for (const entry of input['Entries'] as Record<string, unknown>[]) entry['DelaySeconds'] = LATE_SECONDS;
    }
    const result = await send();
    if (turn % 7 === 0) await send();
    if (turn % 5 === 0) throw new Error('The answer to a send that arrived was lost.');
    await delay(turn % 10);
    return result;
  }

  /** Returns the counts of up to a minute ago. */
  function ageCounts<T extends { output: unknown }>(url: string, result: T): T {
    const old = counts.get(url);
    if (old !== undefined && performance.now() - old.readAt < 60_000) return { ...result, output: old.value };
    counts.set(url, { value: result.output, readAt: performance.now() });
    return result;
  }

  makeBad(quick);
  makeBad(waiting);
}

/** An answer that never came from the server. */
function answer(output: Record<string, unknown>) {
  const metadata = { $metadata: {} };
  return { output: { ...metadata, ...output } as unknown as ServiceOutputTypes, response: {} };
}
