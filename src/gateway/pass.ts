import { toMessage } from '../core/errors.ts';
import type { Micros } from '../core/money.ts';
import { createByteBudget, type ByteBudget } from './byte-budget.ts';
import type { GatewayLog } from './gateway-log.ts';
import { addAnswer, NOTHING_METERED, type AnswerUsage, type Metered } from './metered.ts';
import type { ProviderFailure } from './provider-failure.ts';
import { REFUSALS, type Refusal } from './refusal.ts';
import { MAX_BODY_BYTES } from './request-body.ts';

/** One attempt's way through the gateway, as its worker holds it. */
export interface GatewayPass {
  /** What the attempt's process gets in place of a provider's key. */
  readonly token: string;
  /** What the attempt has used so far, answers still under way included. */
  meter(): Metered;
  /** The last failed call that no successful one followed, or null. */
  failure(): ProviderFailure | null;
  readonly openRequests: number;
  /** Ends the attempt: calls under way are cut on both sides, later ones get 402. */
  close(): void;
}

/** The same attempt, as the gateway serves it. */
export interface AttemptPass extends GatewayPass {
  readonly attemptId: string;
  /** What the attempt's requests may hold of the worker's memory. */
  readonly bodyBudget: ByteBudget;
  /** Why no request of this attempt can succeed any more, or null. */
  readonly refusal: Refusal | null;
  /** Whether the attempt has used up what it may cost. */
  readonly isCeilingReached: boolean;
  /** Registers a request under way: `cut` is called when the attempt ends. Returns what unregisters it. */
  enter(cut: () => void): () => void;
  /** Counts a request that is sent to the provider. Returns what takes its usage as it becomes known. */
  startAnswer(): AnswerRecord;
  /** A call succeeded: what failed before it no longer matters. */
  succeed(): void;
  /** A call failed. With `refusal` given, every later one is answered with that. */
  fail(failure: ProviderFailure, refusal?: Refusal): void;
  /** The provider stayed silent in a request begun at `startedAt` (monotonic). Returns how that is answered. */
  strike(startedAt: number, failure: ProviderFailure): Refusal;
}

export interface AnswerRecord {
  update(usage: AnswerUsage): void;
  /** The answer is over, whole or not. */
  settle(): void;
}

interface PassOptions {
  /** Of the lane it is opened on. */
  readonly token: string;
  readonly attemptId: string;
  readonly ceilingMicros?: Micros;
  readonly onMeter?: (metered: Metered) => void;
  readonly isEntitled?: () => boolean;
  /** What all attempts of the gateway share. */
  readonly bodyBudget: ByteBudget;
  /** Called once, when the pass is closed. */
  readonly onClose: () => void;
  readonly log: GatewayLog;
}

export function createPass(options: PassOptions): AttemptPass {
  const { token, attemptId, ceilingMicros = Infinity, onMeter, isEntitled, bodyBudget, onClose, log } = options;
  const open = new Set<() => void>();
  const underWay = new Set<{ usage: AnswerUsage | null }>();
  let settled = NOTHING_METERED;
  let failure: ProviderFailure | null = null;
  let refusal: Refusal | null = null;
  let firstSilenceAt: number | null = null;
  let isClosed = false;

  function meter(): Metered {
    let metered = settled;
    for (const { usage } of underWay) if (usage !== null) metered = addAnswer(metered, usage);
    return metered;
  }

  function report(): void {
    try {
      onMeter?.(meter());
    } catch (cause) {
      log.error({ attemptId, cause: toMessage(cause) }, 'The meter of an attempt could not be reported.');
    }
  }

  return {
    attemptId,
    // One attempt alone never keeps the others out.
    bodyBudget: createByteBudget(MAX_BODY_BYTES, bodyBudget),
    token,
    meter,
    failure: () => failure,
    get openRequests() {
      return open.size;
    },
    get refusal() {
      return refusal ?? (isEntitled?.() === false ? REFUSALS.badToken : null);
    },
    get isCeilingReached() {
      return meter().costMicros >= ceilingMicros;
    },
    enter(cut) {
      open.add(cut);
      return () => open.delete(cut);
    },
    startAnswer() {
      const answer: { usage: AnswerUsage | null } = { usage: null };
      settled = { ...settled, requestCount: settled.requestCount + 1 };
      underWay.add(answer);
      return {
        update(usage) {
          answer.usage = usage;
          report();
        },
        settle() {
          if (underWay.delete(answer) && answer.usage !== null) settled = addAnswer(settled, answer.usage);
        },
      };
    },
    succeed() {
      // A refusal is for good: an answer that began before it must not hide why the attempt ends.
      if (refusal !== null) return;
      failure = null;
      firstSilenceAt = null;
    },
    fail(failed, andRefuse) {
      if (refusal !== null) return;
      failure = failed;
      refusal = andRefuse ?? null;
    },
    strike(startedAt, failed) {
      if (refusal === null) failure = failed;
      // Requests that hung side by side are one silence; only one begun after it is the second.
      if (firstSilenceAt === null || startedAt <= firstSilenceAt) {
        firstSilenceAt ??= performance.now();
        return REFUSALS.silentOnce;
      }
      refusal ??= REFUSALS.silentTwice;
      return REFUSALS.silentTwice;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      onClose();
      for (const cut of open) cut();
      open.clear();
    },
  };
}
