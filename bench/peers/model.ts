import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { costOf } from '../../src/core/pricing.ts';
import { fail, say, startScriptedModel, turn, useTool, type ModelRequest, type Turn } from '../../src/testing/index.ts';
import { readWords } from './judge-words.ts';
import { parseTask, wordsOf, type Task } from './task.ts';

/** Turns of a run of `work`; each but the last ends with a tool call. */
export const WORK_TURNS = 10;
export const WORDS_PER_TURN = 10;
const WORK_WORD_DELAY_MS = 100;
const WORK_USAGE = { inputTokens: 2_000, outputTokens: 200 };

/** Words of a run of `talk`, and the milliseconds between two: the pace of a slow model, for many readers. */
export const TALK_WORDS = 50;
const TALK_WORD_DELAY_MS = 200;

/** Each turn of a run of `loop` costs about $0.02. */
const LOOP_USAGE = { inputTokens: 1_000, outputTokens: 1_200 };
const LOOP_DELAY_MS = 200;

/** A run of `spend` wants $0.18 at 15 dollars a million tokens. */
const SPEND_TOKENS = 12_000;

/** A call of the model. */
export interface ModelCall {
  readonly task: Task;
  /** The provider's key of the call, which identifies the worker. */
  readonly key: string;
  /** Number of tool calls that the conversation contains: a run that is resumed goes on where it was. */
  readonly turn: number;
  /** As of `performance.now()`. */
  readonly receivedAt: number;
  /** Input and output of the whole answer, as a provider bills it. */
  readonly tokens: number;
  readonly costUsd: number;
}

export interface PeersModelOptions {
  /** The file that the agents read. */
  readonly toolFile: string;
  /** Milliseconds between two words of a run of `work`. Defaults to 100. */
  readonly wordDelayMs?: number;
}

export interface PeersModel {
  readonly url: string;
  /** In the order of arrival. */
  readonly calls: readonly ModelCall[];
  /** When each word of a run of `talk` was sent, as of `performance.now()`. */
  sentAt(name: string): readonly number[];
  /** Holds back the answers to call `turn` of the runs whose names begin with `prefix`, until they are released. */
  hold(prefix: string, turn: number): void;
  release(prefix: string): void;
  close(): Promise<void>;
}

/** Starts the model of all contenders. The prompt names the task, so that each gets the same answers. */
export async function startPeersModel(options: PeersModelOptions): Promise<PeersModel> {
  const calls: ModelCall[] = [];
  const sent = new Map<string, number[]>();
  /** By the prefix of the runs' names. */
  const holds = new Map<string, { readonly turn: number; readonly released: PromiseWithResolvers<void> }>();
  // The scripted model passes only the request to its script. Node provides the response that belongs to it.
  const answers = new WeakMap<IncomingHttpHeaders, ServerResponse>();
  const onRequest = (message: unknown) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    answers.set(request.headers, response);
  };
  subscribe('http.server.request.start', onRequest);

  async function script(request: ModelRequest): Promise<Turn> {
    const task = parseTask(request.prompt);
    if (task === null) return say('There is nothing to do.');
    const chosen = toTurn(task, request, options);
    const usage = 'usage' in chosen ? chosen.usage : null;
    calls.push({
      task,
      key: String(request.headers['x-api-key']),
      turn: countToolUses(request),
      receivedAt: performance.now(),
      tokens: (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0),
      costUsd: usage === null ? 0 : costOf(request.model, usage) / 1_000_000,
    });
    const answer = answers.get(request.headers);
    if (task.kind === 'talk' && answer !== undefined) sent.set(task.name, recordWords(answer));
    for (const [prefix, { turn, released }] of holds) {
      if (task.name.startsWith(prefix) && turn === countToolUses(request)) await released.promise;
    }
    return chosen;
  }

  const model = await startScriptedModel({ script, keepRequests: 0 });
  return {
    url: model.url,
    calls,
    sentAt: (name) => sent.get(name) ?? [],
    hold: (prefix, turn) => void holds.set(prefix, { turn, released: Promise.withResolvers<void>() }),
    release: (prefix) => holds.get(prefix)?.released.resolve(),
    async close() {
      unsubscribe('http.server.request.start', onRequest);
      for (const { released } of holds.values()) released.resolve();
      await model.close();
    },
  };
}

function toTurn(task: Task, request: ModelRequest, options: PeersModelOptions): Turn {
  const { toolFile, wordDelayMs = WORK_WORD_DELAY_MS } = options;
  switch (task.kind) {
    case 'say':
      return say('Here is something.');
    case 'refuse':
      return fail(401);
    case 'talk': {
      const words = wordsOf(0, TALK_WORDS);
      return say(words.join(''), { chunks: words, chunkDelayMs: TALK_WORD_DELAY_MS });
    }
    case 'work': {
      const done = countToolUses(request);
      // A model that is asked to continue does not repeat the words that the conversation already has.
      const said = new Set(readWords(JSON.stringify(request.body.messages)).map((number) => `w${number} `));
      const words = wordsOf(done * WORDS_PER_TURN, WORDS_PER_TURN).filter((word) => !said.has(word));
      const text = words.length === 0 ? [] : [say(words.join(''), { chunks: words, chunkDelayMs: wordDelayMs })];
      const tool = done >= WORK_TURNS - 1 ? [] : [useTool('Read', { file_path: toolFile })];
      return turn([...text, ...tool], { usage: WORK_USAGE });
    }
    case 'loop':
      return turn([say('Again.'), useTool('Read', { file_path: toolFile })], {
        usage: LOOP_USAGE,
        firstByteDelayMs: LOOP_DELAY_MS,
      });
    case 'spend': {
      // As a provider does: no more tokens than requested.
      const outputTokens = Math.min(SPEND_TOKENS, Number(request.body['max_tokens']));
      return turn(say('Spent.'), { usage: { inputTokens: 100, outputTokens } });
    }
  }
}

function countToolUses({ body }: ModelRequest): number {
  return body.messages
    .flatMap(({ content }) => (typeof content === 'string' ? [] : content))
    .filter(({ type }) => type === 'tool_use').length;
}

/** Returns an array that is filled with the times at which an answer's words are written. */
function recordWords(answer: ServerResponse): number[] {
  const times: number[] = [];
  const write = answer.write.bind(answer);
  answer.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    for (const [, index] of String(chunk).matchAll(/\bw(\d+) /g)) times[Number(index)] ??= performance.now();
    return Reflect.apply(write, answer, [chunk, ...rest]) as boolean;
  };
  return times;
}
