import type { PromptPart } from '../../core/prompt-parts.ts';
import type { Usage } from './managed-event.ts';

/** A run of a session, beside its events. */
export interface Turn {
  readonly runId: string;
  /** Its number in the session, from 1. */
  readonly turn: number;
  readonly prompt: string;
  /** The parts of the prompt, if it is more than a text. */
  readonly parts: readonly PromptPart[] | null;
  /** Null: it has not begun. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** True when the session is idle after it. */
  readonly endsIdle: boolean;
  /** The number of its last event. */
  readonly lastSeq: number;
  /** The session's figures without those of this turn and later ones. */
  readonly before: Usage;
  /** The figures of the turn, which are complete once it is over. */
  readonly own: Usage;
}

export const NOTHING_USED: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  cacheCreation1hTokens: 0,
  costMicros: 0,
  activeMs: 0,
};

export function addUsage(one: Usage, other: Usage): Usage {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheCreationTokens: one.cacheCreationTokens + other.cacheCreationTokens,
    cacheCreation1hTokens: one.cacheCreation1hTokens + other.cacheCreation1hTokens,
    costMicros: (one.costMicros ?? 0) + (other.costMicros ?? 0),
    activeMs: one.activeMs + other.activeMs,
  };
}
