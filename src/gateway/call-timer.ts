import { report, type ModelCallOutcome } from '../core/process-events.ts';
import type { TraceContext } from '../core/trace-context.ts';
import { isTracing, toChild } from '../core/tracing.ts';
import type { AnswerUsage } from './answer-usage.ts';
import { emitCallSpan, type CallFacts } from './call-span.ts';

/** Times a model call, and reports how it ended. */
export interface CallTimer {
  /** The span that the provider continues; null: none. */
  readonly trace: TraceContext | null;
  /** Notes that the answer began, with its status. */
  answered(status: number): void;
  /** Notes the usage of the answer so far. */
  counted(usage: AnswerUsage): void;
  /** Notes the outcome; the first one counts. */
  end(outcome: ModelCallOutcome): void;
  /** Reports the call, by its outcome or its status. */
  report(call: CallFacts): void;
}

/** Begins to time a call. `parent`: the span of its attempt, or null. */
export function createCallTimer(parent: TraceContext | null): CallTimer {
  const startedAt = performance.now();
  const own = parent === null || !isTracing() ? null : { context: toChild(parent), parentSpanId: parent.spanId };
  let firstByteMs: number | null = null;
  let status: number | null = null;
  let outcome: ModelCallOutcome | null = null;
  let usage: AnswerUsage | null = null;
  return {
    trace: own?.context ?? parent,
    answered(received) {
      firstByteMs = performance.now() - startedAt;
      status = received;
    },
    counted(counts) {
      usage = counts;
    },
    end(ended) {
      outcome ??= ended;
    },
    report(call) {
      const durationMs = performance.now() - startedAt;
      const timed = { outcome: outcome ?? ofStatus(status), durationMs, firstByteMs };
      report('model.called', { provider: call.provider, model: call.body.model, ...timed });
      if (own !== null) emitCallSpan({ ...own, ...call, ...timed, usage });
    },
  };
}

function ofStatus(status: number | null): ModelCallOutcome {
  if (status === null) return 'unreachable';
  if (status === 429 || status === 529) return status === 429 ? '429' : '529';
  if (status >= 200 && status < 300) return 'ok';
  return status >= 500 ? '5xx' : '4xx';
}
