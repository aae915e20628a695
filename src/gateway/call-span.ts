import { GEN_AI, GENERAL, OPERATIONS } from '../core/gen-ai.ts';
import type { ModelCallOutcome } from '../core/process-events.ts';
import type { TraceContext } from '../core/trace-context.ts';
import { emitSpan } from '../core/tracing.ts';
import type { AnswerUsage } from './answer-usage.ts';
import type { RequestBody } from './request-body.ts';
import type { UpstreamFacts } from './upstream.ts';

/** The facts about a call that its span shows. */
export interface CallFacts {
  /** Name of the provider in the configuration. */
  readonly provider: string;
  readonly upstream: UpstreamFacts;
  readonly body: Pick<RequestBody, 'model' | 'isStreamed' | 'maxTokens'>;
}

interface FinishedCall extends CallFacts {
  readonly context: TraceContext;
  readonly parentSpanId: string;
  readonly outcome: ModelCallOutcome;
  readonly durationMs: number;
  readonly firstByteMs: number | null;
  /** Null: the provider has counted nothing. */
  readonly usage: AnswerUsage | null;
}

/** Names of models come from the agent's process: longer ones are not names. */
const MAX_NAME_LENGTH = 200;

/** Emits the span of a model call, `chat MODEL`. */
export function emitCallSpan(call: FinishedCall): void {
  const { context, parentSpanId, provider, upstream, body, outcome, durationMs, firstByteMs, usage } = call;
  const model = body.model.slice(0, MAX_NAME_LENGTH);
  const endedAtMs = Date.now();
  emitSpan({
    name: `${OPERATIONS.model} ${model}`,
    kind: 'client',
    context,
    parentSpanId,
    startedAtMs: endedAtMs - durationMs,
    endedAtMs,
    attributes: {
      [GEN_AI.operationName]: OPERATIONS.model,
      [GEN_AI.providerName]: upstream.genAiName,
      [GEN_AI.requestModel]: model,
      [GEN_AI.requestStream]: body.isStreamed,
      [GEN_AI.requestMaxTokens]: body.maxTokens,
      [GEN_AI.responseModel]: usage?.model.slice(0, MAX_NAME_LENGTH),
      [GEN_AI.timeToFirstChunk]: firstByteMs === null || outcome !== 'ok' ? null : firstByteMs / 1_000,
      ...toTokens(usage),
      [GENERAL.serverAddress]: upstream.address,
      [GENERAL.serverPort]: upstream.port,
      'longhaul.provider': provider,
      'longhaul.outcome': outcome,
    },
    error: outcome === 'ok' ? null : outcome,
  });
}

/** The conventions count cached tokens within the input. */
function toTokens(usage: AnswerUsage | null) {
  if (usage === null) return {};
  const { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens, thinkingTokens } = usage;
  return {
    [GEN_AI.inputTokens]: inputTokens + cacheReadTokens + cacheCreationTokens,
    [GEN_AI.outputTokens]: outputTokens,
    [GEN_AI.cacheReadTokens]: cacheReadTokens,
    [GEN_AI.cacheWriteTokens]: cacheCreationTokens,
    [GEN_AI.reasoningTokens]: thinkingTokens,
  };
}
