import type { IncomingMessage, ServerResponse } from 'node:http';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { ModelCallOutcome } from '../core/process-events.ts';
import { createCallFailures } from './call-failures.ts';
import { createCallMeter } from './call-meter.ts';
import { createCallTimer, type CallTimer } from './call-timer.ts';
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
import { NO_WATCH, watchSilence, type SilenceWatch } from './silence.ts';
import type { UpstreamFacts } from './upstream.ts';
import type { UpstreamClient } from './upstream-client.ts';

/** Parts that all exchanges of a gateway share. */
export interface ExchangeContext {
  readonly upstream: UpstreamClient;
  readonly upstreamFacts: UpstreamFacts;
  readonly governor: Governor;
  /** Returns the name to request from the provider instead of a model's name. */
  readonly askedModelOf: (model: string) => string;
  readonly silenceMs: number;
  readonly lingerMs: number;
  readonly bodyTimeoutMs: number;
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
    const body = await readRequestBody(request, { claim, timeoutMs: context.bodyTimeoutMs });
    if (typeof body === 'string') return refuse(response, REFUSALS[body], { isLast: body === 'tooSlow' });
    const timer = createCallTimer(pass.trace);
    const decided = await decide({ ...options, body, signal: ending.signal });
    if (decided === 'left') return;
    const isFree = !('status' in decided) && decided.call === null;
    try {
      if ('status' in decided) return rejectCall(options, { refusal: decided, timer });
      await forward({ ...options, body, cleared: decided, ending, departure, timer });
    } finally {
      if (!isFree) timer.report({ provider: pass.provider, upstream: context.upstreamFacts, body });
    }
  } catch (error) {
    // A sender that went away, or an attempt that ended, is not a failure.
    if (!ending.signal.aborted && !request.destroyed) {
      context.log.error({ ...pass.logFacts, cause: toMessage(error) }, 'A model call failed in the gateway.');
    }
    response.destroy();
  } finally {
    departure.stop();
    claim.release();
    leave();
  }
}

/** Outcomes of calls that our own rules reject, by the code of the attempt's failure. */
const REJECTED: Partial<Record<string, ModelCallOutcome>> = { max_budget: 'budget', max_turns: 'turns' };

function rejectCall({ response, pass }: ExchangeOptions, rejected: { refusal: Refusal; timer: CallTimer }): void {
  rejected.timer.end(REJECTED[pass.failure()?.code ?? ''] ?? 'refused');
  refuse(response, rejected.refusal);
}

interface Forwarding extends ExchangeOptions {
  readonly timer: CallTimer;
  readonly body: RequestBody;
  readonly cleared: Cleared;
  /** Aborted with the cause: the party that cut the call, or `silence`. */
  readonly ending: AbortController;
  readonly departure: Departure;
}

async function forward(forwarding: Forwarding): Promise<void> {
  const { context, request, response, endpoint, pass, body, cleared, ending, departure, timer } = forwarding;
  const { call } = cleared;
  const { signal } = ending;
  const { log, governor } = context;
  const failures = createCallFailures({ facts: pass.logFacts, call, response, ending, departure, log });
  const silence: { refusal: Refusal | null } = { refusal: null };
  const watch = body.isStreamed ? watchProvider(forwarding, silence) : NO_WATCH;
  const meter =
    call === null
      ? null
      : createCallMeter({
          call,
          body,
          governor,
          departure,
          onUsage: timer.counted,
          onExcess: (excess) => failures.failExcessive(excess),
        });
  // Immediately, so that the meter is right when an attempt is closed.
  const onEnding = guarded(() => meter?.cut(signal.reason));
  signal.addEventListener('abort', onEnding, { once: true });
  try {
    const answer = await context.upstream.send({
      endpoint,
      headers: request.headers,
      trace: call === null ? pass.trace : timer.trace,
      body: cleared.bytes,
      model: body.model,
      isStreamed: body.isStreamed,
      signal,
      onSent: () => meter?.sent(),
    });
    watch.heard();
    timer.answered(answer.status);
    const isGood = answer.status >= 200 && answer.status < 300;
    if (isGood) await relayAnswer({ response, answer, watch, meter, signal, failures });
    else await relayError({ ...forwarding, call, model: body.model, answer, watch });
  } catch (error) {
    if (silence.refusal !== null) refuse(response, silence.refusal);
    else if (!signal.aborted) refuse(response, { status: 502, type: 'api_error', message: failures.noteBroken(error) });
  } finally {
    watch.stop();
    if (signal.aborted) timer.end(silence.refusal === null ? 'cut' : 'silent');
    else if (meter?.isBroken === true) timer.end('broken');
    meter?.end(false);
  }
}

/** Watches for silence of the provider. Cuts the call when it was silent, and sets the answer to the process. */
function watchProvider(forwarding: Forwarding, silence: { refusal: Refusal | null }): SilenceWatch {
  const { context, response, pass, ending, departure } = forwarding;
  const { silenceMs, log } = context;
  const startedAt = performance.now();
  return watchSilence({
    silenceMs,
    isReaderBlocked: () => response.writableNeedDrain,
    onSilence() {
      // The process no longer waits for the answer, so this silence must not decide the outcome of the attempt.
      if (departure.isGone) return ending.abort('process');
      const message = `The model provider sent nothing for ${silenceMs} ms.`;
      silence.refusal = pass.strike(startedAt, withoutAnswer('silent', message));
      log.warn(pass.logFacts, message);
      ending.abort('silence');
    },
  });
}
