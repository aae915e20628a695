import { createAnswerMeter, type AnswerMeter } from './answer-meter.ts';
import type { AnswerUsage } from './answer-usage.ts';
import type { Departure } from './departure.ts';
import type { Governor } from './governor.ts';
import type { PassCall } from './call-outcomes.ts';
import { toStreamFailure } from './provider-failure.ts';
import { reportLimit } from './relay-error.ts';
import type { RequestBody } from './request-body.ts';
import type { UpstreamAnswer } from './upstream-client.ts';

/** Follows one call from its sending to its end, and reports its cost to the attempt's account. */
export interface CallMeter {
  /** True when the provider interrupted the answer with an error. */
  readonly hasFailed: boolean;
  /** True when a good answer has begun and did not reach its end. */
  readonly isBroken: boolean;
  /** Records that the whole request was sent. */
  sent(): void;
  /** Records that a good answer has begun. */
  open(answer: UpstreamAnswer): void;
  /** Takes the next bytes of the answer. */
  push(bytes: Buffer): void;
  /** Ends the call. Later bytes and a second end are ignored. */
  end(isWhole: boolean): void;
  /** Records that the call was cut: by the process, by the end of its attempt, or for its silence. */
  cut(by: 'process' | 'attempt' | 'silence'): void;
}

interface CallMeterOptions {
  readonly call: PassCall;
  readonly body: RequestBody;
  readonly governor: Governor;
  readonly departure: Departure;
  /** Called when more of the answer's usage is known. */
  readonly onUsage: (usage: AnswerUsage) => void;
  /** Called with the bound that the answer has broken, in words. */
  readonly onExcess: (excess: string) => void;
}

export function createCallMeter(options: CallMeterOptions): CallMeter {
  const { call, body, governor, departure, onUsage, onExcess } = options;
  let meter: AnswerMeter | null = null;
  let isSent = false;
  let isCounted = false;
  let hasFailed = false;
  let isOver = false;
  let hasEndedWell = false;
  return {
    get hasFailed() {
      return hasFailed;
    },
    get isBroken() {
      return meter !== null && !hasEndedWell;
    },
    sent() {
      isSent = true;
      if (!isOver) departure.stay();
    },
    open({ headers }) {
      meter = createAnswerMeter({
        contentType: headers['content-type'] ?? '',
        request: { ...body, isFast: body.demand.isFast },
        onUsage(usage) {
          isCounted = true;
          call.update(usage);
          onUsage(usage);
        },
        onExcess,
        // Immediately: Claude Code hangs up on an error without waiting for the end.
        onError(data) {
          hasFailed = true;
          const failure = toStreamFailure(data);
          if (!departure.isGone) call.fail(failure);
          reportLimit(governor, { failure, model: body.model });
        },
      });
    },
    push(bytes) {
      if (isOver) return;
      meter?.push(bytes);
      // Only here, because the same bytes may contain more of the count.
      if (isCounted || hasFailed) departure.settle();
    },
    end(isWhole) {
      if (isOver) return;
      isOver = true;
      if (isWhole && !hasFailed) {
        hasEndedWell = true;
        call.succeed();
        governor.onAnswer(body.model);
      }
      try {
        meter?.end(isWhole);
      } finally {
        call.settle();
      }
    },
    cut(by) {
      if (isOver) return;
      isOver = true;
      try {
        meter?.end(false);
      } finally {
        // A provider that fails, silently or not, has not begun what it has not counted.
        call.settle(isSent && !hasFailed && by !== 'silence' ? by : undefined);
      }
    },
  };
}
