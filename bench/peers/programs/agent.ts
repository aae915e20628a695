import {
  query,
  startup,
  type Options,
  type Query,
  type SDKResultMessage,
  type WarmQuery,
} from '@anthropic-ai/claude-agent-sdk';
import type { Settings } from './settings.ts';

/** Milliseconds that a run may take: longer than Claude Code's own retries of a failing provider. */
const RUN_TIMEOUT_MS = 300_000;
const MAX_TURNS = 50;
const TOOLS = ['Read', 'Grep', 'Glob'];

export interface AgentAnswer {
  readonly text: string;
  readonly costUsd: number;
  readonly turns: number;
}

/** A run that did not succeed. */
export class AgentError extends Error {
  /** The dollars that it cost all the same. */
  readonly costUsd: number;
  /** True when another try may succeed. */
  readonly isRetryable: boolean;

  constructor(message: string, { costUsd, isRetryable }: { costUsd: number; isRetryable: boolean }) {
    super(message);
    this.name = 'AgentError';
    this.costUsd = costUsd;
    this.isRetryable = isRetryable;
  }
}

export interface Agent {
  /**
   * Runs a prompt to its end and returns the answer. Calls `onText` with each piece of text as it arrives.
   * @throws {AgentError} when the run does not succeed.
   */
  run(prompt: string, options: { onText: (text: string) => void; signal?: AbortSignal }): Promise<AgentAnswer>;
  /** Ends the process that waits for the next run. */
  close(): Promise<void>;
}

interface Spare {
  readonly warm: WarmQuery;
  readonly abortController: AbortController;
}

/** Creates an agent of the Agent SDK. With `isWarm`, one Claude Code waits for the next run, started by `startup()`. */
export function createAgent({ workspace, runBudgetUsd, isWarm }: Settings): Agent {
  let spare: Promise<Spare | null> = prepare();

  function toOptions(abortController: AbortController): Options {
    return {
      abortController,
      cwd: workspace,
      model: 'claude-sonnet-4-5',
      thinking: { type: 'disabled' },
      tools: TOOLS,
      allowedTools: TOOLS,
      permissionMode: 'dontAsk',
      settingSources: [],
      includePartialMessages: true,
      maxBudgetUsd: runBudgetUsd,
      maxTurns: MAX_TURNS,
    };
  }

  async function prepare(): Promise<Spare | null> {
    if (!isWarm) return null;
    const abortController = new AbortController();
    try {
      return { warm: await startup({ options: toOptions(abortController) }), abortController };
    } catch (error) {
      console.error('Claude Code could not be started ahead:', error);
      return null;
    }
  }

  async function begin(prompt: string, signal: AbortSignal): Promise<Query> {
    const taking = spare;
    spare = Promise.resolve(null);
    const taken = await taking;
    const abortController = taken?.abortController ?? new AbortController();
    signal.addEventListener('abort', () => abortController.abort(), { once: true });
    return taken?.warm.query(prompt) ?? query({ prompt, options: toOptions(abortController) });
  }

  return {
    async run(prompt, { onText, signal }) {
      const timeout = AbortSignal.timeout(RUN_TIMEOUT_MS);
      const messages = await begin(prompt, signal === undefined ? timeout : AbortSignal.any([timeout, signal]));
      try {
        return toAnswer(await readMessages(messages, onText));
      } finally {
        // After the run, whose own work a start beside it would slow down.
        if ((await spare) === null) spare = prepare();
      }
    },
    async close() {
      (await spare)?.warm.close();
    },
  };
}

/** Reads a run to its end. The SDK yields an error result, and then throws it as well. */
async function readMessages(messages: Query, onText: (text: string) => void): Promise<SDKResultMessage> {
  let result: SDKResultMessage | null = null;
  try {
    for await (const message of messages) {
      if (message.type === 'result') result = message;
      if (message.type !== 'stream_event' || message.parent_tool_use_id !== null) continue;
      const { event } = message;
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') onText(event.delta.text);
    }
  } catch (error) {
    // Without a result the process died, or was ended.
    if (result === null) throw new AgentError(String(error), { costUsd: 0, isRetryable: true });
  }
  if (result === null) throw new AgentError('Claude Code ended without a result.', { costUsd: 0, isRetryable: true });
  return result;
}

function toAnswer(result: SDKResultMessage): AgentAnswer {
  const costUsd = result.total_cost_usd;
  if (result.subtype !== 'success') {
    throw new AgentError(result.subtype, { costUsd, isRetryable: result.subtype === 'error_during_execution' });
  }
  if (result.is_error) {
    const status = result.api_error_status ?? null;
    const isRetryable = status === null || status === 429 || status >= 500;
    throw new AgentError(result.result, { costUsd, isRetryable });
  }
  return { text: result.result, costUsd, turns: result.num_turns };
}
