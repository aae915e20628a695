import type { IncomingMessage, ServerResponse } from 'node:http';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { Admit } from './admission.ts';
import { createCallMeter } from './call-meter.ts';
import { decide, type Cleared } from './decide.ts';
import { createDeparture, type Departure } from './departure.ts';
import type { Endpoint } from './endpoint.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { Governor } from './governor.ts';
import type { AttemptPass } from './pass.ts';
import { withoutAnswer } from './provider-failure.ts';
import { refuse, REFUSALS, type Refusal } from './refusal.ts';
import { relayAnswer } from './relay-answer.ts';
import { relayError } from './relay-error.ts';
import { readRequestBody, type RequestBody } from './request-body.ts';
import { NO_WATCH, watchSilence } from './silence.ts';
import type { UpstreamClient } from './upstream-client.ts';

/** Parts that all exchanges of a gateway share. */
export interface ExchangeContext {
  readonly upstream: UpstreamClient;
  readonly admit: Admit;
  readonly governor: Governor;
  /** Returns the name to request from the provider instead of a model's name. */
  readonly askedModelOf: (model: string) => string;
  readonly silenceMs: number;
  readonly lingerMs: number;
  readonly log: GatewayLog;
}

interface ExchangeOptions {
  readonly context: ExchangeContext;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly endpoint: Endpoint;
  readonly pass: AttemptPass;
}

/** More than an agent with all its subagents needs; each open request takes memory and a connection of the worker. */
const MAX_OPEN_REQUESTS = 16;

/** Forwards one request of an attempt to the provider, and its answer back. Never rejects. */
export async function exchange(options: ExchangeOptions): Promise<void> {
  const { context, request, response, pass } = options;
  if (pass.openRequests >= MAX_OPEN_REQUESTS) return refuse(response, REFUSALS.tooManyOpen);
  const ending = new AbortController();
  const departure = createDeparture({ lingerMs: context.lingerMs, onCut: () => ending.abort('process') });
  const leave = pass.enter(() => {
    ending.abort('attempt');
    departure.stop();
    response.destroy();
  });
  const onClose = guarded(() => {
    if (!response.writableFinished) departure.leave();
  });
  response.once('close', onClose);
  const claim = pass.bodyBudget.claim();
  try {
    const body = await readRequestBody(request, claim);
    if (typeof body === 'string') return refuse(response, REFUSALS[body]);
    const decided = await decide({ ...options, body, signal: ending.signal });
    if (decided === 'left') return;
    if ('status' in decided) return refuse(response, decided);
    await forward({ ...options, body, cleared: decided, ending, departure });
  } catch (error) {
    // A sender that went away, or an attempt that ended, is not a failure.
    if (!ending.signal.aborted && !request.destroyed) {
      context.log.error({ attemptId: pass.attemptId, cause: toMessage(error) }, 'A model call failed in the gateway.');
    }
    response.destroy();
  } finally {
    departure.stop();
    claim.release();
    leave();
  }
}

interface Forwarding extends ExchangeOptions {
  readonly body: RequestBody;
  readonly cleared: Cleared;
  /** Aborted with the cause: the party that cut the call, or `silence`. */
  readonly ending: AbortController;
  readonly departure: Departure;
}

async function forward(forwarding: Forwarding): Promise<void> {
  const { context, request, response, endpoint, pass, body, cleared, ending, departure } = forwarding;
  const { call } = cleared;
  const { signal } = ending;
  const startedAt = performance.now();
  let silence: Refusal | null = null;
  const watch = body.isStreamed
    ? watchSilence({
        silenceMs: context.silenceMs,
        isReaderBlocked: () => response.writableNeedDrain,
        onSilence() {
          // The process no longer waits for the answer, so this silence must not decide the outcome of the attempt.
          if (departure.isGone) return ending.abort('process');
          const message = `The model provider sent nothing for ${context.silenceMs} ms.`;
          silence = pass.strike(startedAt, withoutAnswer('silent', message));
          context.log.warn({ attemptId: pass.attemptId }, message);
          ending.abort('silence');
        },
      })
    : NO_WATCH;
  const meter =
    call === null
      ? null
      : createCallMeter({ call, body, governor: context.governor, departure, onExcess: failExcessive });
  // Immediately, so that the meter is right when an attempt is closed.
  const onEnding = guarded(() => meter?.cut(signal.reason));
  signal.addEventListener('abort', onEnding, { once: true });
  try {
    const answer = await context.upstream.send({
      endpoint,
      headers: request.headers,
      body: cleared.bytes,
      model: body.model,
      isStreamed: body.isStreamed,
      signal,
      onSent: () => meter?.sent(),
    });
    watch.heard();
    const { status } = answer;
    if (status >= 200 && status < 300) {
      await relayAnswer({
        response,
        answer,
        watch,
        meter,
        signal,
        onBroken: noteBroken,
        onExcess: failExcessive,
        onUnreadable,
      });
    } else await relayError({ ...forwarding, call, model: body.model, answer, watch });
  } catch (error) {
    if (silence !== null) refuse(response, silence);
    else if (!signal.aborted) refuse(response, { status: 502, type: 'api_error', message: noteBroken(error) });
  } finally {
    watch.stop();
    meter?.end(false);
  }

  /** An unreadable answer is not passed on, because its cost would not be counted. */
  function onUnreadable(error: unknown): void {
    context.log.error(
      { attemptId: pass.attemptId, cause: toMessage(error) },
      'An answer could not be read and was cut off.',
    );
    ending.abort('attempt');
    response.destroy();
  }

  /** Ends the attempt: the answer is of no use, and the same request must not be sent again. */
  function failExcessive(excess: string): void {
    if (signal.aborted) return;
    const message = `The answer of the model provider contains ${excess}.`;
    call?.fail(withoutAnswer('server_error', message), REFUSALS.answerTooLarge);
    context.log.warn({ attemptId: pass.attemptId }, message);
    ending.abort('attempt');
    response.destroy();
  }

  /** Logs a broken answer and returns a description for the agent's process. */
  function noteBroken(error: unknown): string {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
    const message = response.headersSent
      ? `The connection to the model provider broke in the middle of an answer (${code}).`
      : `The model provider could not be reached (${code}).`;
    // If the process no longer waits for the answer, the failure must not decide the outcome of the attempt.
    if (!departure.isGone) call?.fail(withoutAnswer('unreachable', message));
    context.log.warn({ attemptId: pass.attemptId, code }, message);
    return message;
  }
}
