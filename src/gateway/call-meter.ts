import { createAnswerMeter, type AnswerMeter } from './answer-meter.ts';
import type { Departure } from './departure.ts';
import type { Governor } from './governor.ts';
import type { PassCall } from './pass.ts';
import { toStreamFailure } from './provider-failure.ts';
import { reportLimit } from './relay-error.ts';
import type { RequestBody } from './request-body.ts';
import type { UpstreamAnswer } from './upstream-client.ts';

/** Follows one call from its sending to its end, and tells the attempt's account what it has cost. */
export interface CallMeter {
  /** Whether the provider has broken the answer off with an error. */
  readonly hasFailed: boolean;
  /** The whole request is on its way. */
  sent(): void;
  /** A good answer has begun. */
  open(answer: UpstreamAnswer): void;
  /** Takes the next bytes of the answer. */
  push(bytes: Buffer): void;
  /** The call is over. What comes after counts no more; a second end is none. */
  end(isWhole: boolean): void;
  /** The call was cut: by the process, by the end of its attempt, or for its silence. */
  cut(by: 'process' | 'attempt' | 'silence'): void;
}

interface CallMeterOptions {
  readonly call: PassCall;
  readonly body: RequestBody;
  readonly governor: Governor;
  readonly departure: Departure;
  /** Called with which bound the answer has broken, in words. */
  readonly onExcess: (excess: string) => void;
}

export function createCallMeter({ call, body, governor, departure, onExcess }: CallMeterOptions): CallMeter {
  let meter: AnswerMeter | null = null;
  let isSent = false;
  let isCounted = false;
  let hasFailed = false;
  let isOver = false;
  return {
    get hasFailed() {
      return hasFailed;
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
        },
        onExcess,
        // At once: Claude Code hangs up on an error without waiting for the end.
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
      // Only now: more of the count may stand in the same bytes.
      if (isCounted || hasFailed) departure.settle();
    },
    end(isWhole) {
      if (isOver) return;
      isOver = true;
      if (isWhole && !hasFailed) {
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
        // What a provider has not counted by the time it fails, silently or not, it has not begun.
        call.settle(isSent && !hasFailed && by !== 'silence' ? by : undefined);
      }
    },
  };
}
