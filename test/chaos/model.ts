import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { costOf } from '../../src/core/pricing.ts';
import { say, startScriptedModel, type ModelRequest, type Turn } from '../../src/testing/index.ts';
import { parseTask, toTurn } from './task.ts';

/** A call of the model, as the model saw it. */
export interface ModelCall {
  /** The run's name in the plan. */
  readonly run: string;
  /** The provider's key of the call: each process of a worker has a separate key, so it identifies the caller. */
  readonly workerKey: string;
  readonly receivedAtMs: number;
  /** The price of the whole answer, in micro-dollars; 0 for an error. */
  readonly costMicros: number;
  /** `whole`: written to its last byte. `broken`: the caller disconnected before, or the plan cut it. */
  outcome: 'open' | 'whole' | 'broken';
}

export interface ChaosModel {
  readonly url: string;
  /** Calls in the order of their arrival. */
  readonly calls: readonly ModelCall[];
  /** Calls that belong to no run of the plan. */
  readonly strayCount: number;
  close(): Promise<void>;
}

/** Starts the model that answers by the prompts of a plan, and records its calls. */
export async function startChaosModel({ journalScript }: { journalScript: string }): Promise<ChaosModel> {
  const calls: ModelCall[] = [];
  const callCounts = new Map<string, number>();
  let strayCount = 0;

  // The scripted model passes only the request to its script. Node provides the response that belongs to it.
  const answers = new WeakMap<IncomingHttpHeaders, ServerResponse>();
  const onRequest = (message: unknown) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    answers.set(request.headers, response);
  };
  subscribe('http.server.request.start', onRequest);

  function script(request: ModelRequest): Turn {
    const task = parseTask(request.prompt);
    if (task === null) {
      strayCount++;
      return say('There is nothing to do.');
    }
    const callIndex = callCounts.get(task.name) ?? 0;
    callCounts.set(task.name, callIndex + 1);
    const turn = toTurn(task, { request, callIndex, journalScript });
    const call: ModelCall = {
      run: task.name,
      workerKey: String(request.headers['x-api-key']),
      receivedAtMs: Date.now(),
      costMicros: 'usage' in turn && turn.usage !== null ? costOf(request.model, turn.usage) : 0,
      outcome: 'open',
    };
    calls.push(call);
    const answer = answers.get(request.headers);
    answer?.once('close', () => {
      call.outcome = answer.writableFinished ? 'whole' : 'broken';
    });
    return turn;
  }

  const model = await startScriptedModel({ script, keepRequests: 0 });
  return {
    url: model.url,
    calls,
    get strayCount() {
      return strayCount;
    },
    async close() {
      unsubscribe('http.server.request.start', onRequest);
      await model.close();
    },
  };
}
