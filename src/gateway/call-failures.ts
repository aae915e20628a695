import type { ServerResponse } from 'node:http';
import { toMessage } from '../core/errors.ts';
import type { Departure } from './departure.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { PassCall } from './call-outcomes.ts';
import { withoutAnswer } from './provider-failure.ts';
import { REFUSALS } from './refusal.ts';

/** The ways in which the answer to a call can fail on its way back. */
export interface CallFailures {
  /** Cuts an unreadable answer: it is not passed on, because its cost would not be counted. */
  cutUnreadable(error: unknown): void;
  /** Ends the attempt: the answer is of no use, and the same request must not be sent again. */
  failExcessive(excess: string): void;
  /** Logs a broken answer and returns a description for the agent's process. */
  noteBroken(error: unknown): string;
}

interface CallFailuresOptions {
  /** Fields of its log lines that say which attempt it is. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Null for a free call. */
  readonly call: PassCall | null;
  readonly response: ServerResponse;
  /** Aborted with the cause of the end. */
  readonly ending: AbortController;
  readonly departure: Departure;
  readonly log: GatewayLog;
}

export function createCallFailures(options: CallFailuresOptions): CallFailures {
  const { facts, call, response, ending, departure, log } = options;

  function cut(): void {
    ending.abort('attempt');
    response.destroy();
  }

  return {
    cutUnreadable(error) {
      log.error({ ...facts, cause: toMessage(error) }, 'An answer could not be read and was cut off.');
      cut();
    },
    failExcessive(excess) {
      if (ending.signal.aborted) return;
      const message = `The answer of the model provider contains ${excess}.`;
      call?.fail(withoutAnswer('server_error', message), REFUSALS.answerTooLarge);
      log.warn(facts, message);
      cut();
    },
    noteBroken(error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
      const message = response.headersSent
        ? `The connection to the model provider broke in the middle of an answer (${code}).`
        : `The model provider could not be reached (${code}).`;
      // If the process no longer waits for the answer, the failure must not decide the outcome of the attempt.
      if (!departure.isGone) call?.fail(withoutAnswer('unreachable', message));
      log.warn({ ...facts, code }, message);
      return message;
    },
  };
}
