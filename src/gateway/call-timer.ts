import { report, type ModelCallOutcome } from '../core/process-events.ts';

/** Times a model call, and reports how it ended. */
export interface CallTimer {
  /** Notes that the answer began, with its status. */
  answered(status: number): void;
  /** Notes the outcome; the first one counts. */
  end(outcome: ModelCallOutcome): void;
  /** Reports the call, by its outcome or its status. */
  report(call: { readonly provider: string; readonly model: string }): void;
}

export function createCallTimer(): CallTimer {
  const startedAt = performance.now();
  let firstByteMs: number | null = null;
  let status: number | null = null;
  let outcome: ModelCallOutcome | null = null;
  return {
    answered(received) {
      firstByteMs = performance.now() - startedAt;
      status = received;
    },
    end(ended) {
      outcome ??= ended;
    },
    report({ provider, model }) {
      const durationMs = performance.now() - startedAt;
      report('model.called', { provider, model, outcome: outcome ?? ofStatus(status), durationMs, firstByteMs });
    },
  };
}

function ofStatus(status: number | null): ModelCallOutcome {
  if (status === null) return 'unreachable';
  if (status === 429 || status === 529) return status === 429 ? '429' : '529';
  if (status >= 200 && status < 300) return 'ok';
  return status >= 500 ? '5xx' : '4xx';
}
