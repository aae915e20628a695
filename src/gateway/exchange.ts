import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { Admit } from './admission.ts';
import { createAnswerMeter } from './answer-meter.ts';
import { decide, type Cleared } from './decide.ts';
import type { Endpoint } from './endpoint.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { Governor } from './governor.ts';
import { toAnswerHeaders } from './headers.ts';
import type { AttemptPass, PassCall } from './pass.ts';
import { toStreamFailure, withoutAnswer } from './provider-failure.ts';
import { refuse, REFUSALS, type Refusal } from './refusal.ts';
import { relayError, reportLimit } from './relay-error.ts';
import { readRequestBody, type RequestBody } from './request-body.ts';
import { NO_WATCH, watchSilence, type SilenceWatch } from './silence.ts';
import type { UpstreamAnswer, UpstreamClient } from './upstream-client.ts';

/** What every exchange of a gateway shares. */
export interface ExchangeContext {
  readonly upstream: UpstreamClient;
  readonly admit: Admit;
  readonly governor: Governor;
  readonly silenceMs: number;
  readonly log: GatewayLog;
}

interface ExchangeOptions {
  readonly context: ExchangeContext;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly endpoint: Endpoint;
  readonly pass: AttemptPass;
}

/** More than an agent with all its sub-agents has; each one open costs the worker memory and a connection. */
const MAX_OPEN_REQUESTS = 16;

/** Takes one request of an attempt to the provider and its answer back. Never rejects. */
export async function exchange(options: ExchangeOptions): Promise<void> {
  const { context, request, response, pass } = options;
  if (pass.openRequests >= MAX_OPEN_REQUESTS) return refuse(response, REFUSALS.tooManyOpen);
  const ending = new AbortController();
  const leave = pass.enter(() => {
    ending.abort();
    response.destroy();
  });
  const onClose = guarded(() => {
    if (!response.writableFinished) ending.abort();
  });
  response.once('close', onClose);
  const claim = pass.bodyBudget.claim();
  try {
    const body = await readRequestBody(request, claim);
    if (typeof body === 'string') return refuse(response, REFUSALS[body]);
    const decided = await decide({ ...options, body, signal: ending.signal });
    if (decided === 'left') return;
    if ('status' in decided) return refuse(response, decided);
    await forward({ ...options, body, cleared: decided, ending });
  } catch (error) {
    // A sender that went away, or an attempt that ended, is nobody's failure.
    if (!ending.signal.aborted && !request.destroyed) {
      context.log.error({ attemptId: pass.attemptId, cause: toMessage(error) }, 'A model call broke in the gateway.');
    }
    response.destroy();
  } finally {
    claim.release();
    leave();
  }
}

interface Forwarding extends ExchangeOptions {
  readonly body: RequestBody;
  readonly cleared: Cleared;
  readonly ending: AbortController;
}

async function forward(forwarding: Forwarding): Promise<void> {
  const { context, request, response, endpoint, pass, body, cleared, ending } = forwarding;
  const startedAt = performance.now();
  let silence: Refusal | null = null;
  const watch = body.isStreamed
    ? watchSilence({
        silenceMs: context.silenceMs,
        isReaderBlocked: () => response.writableNeedDrain,
        onSilence() {
          const message = `The model provider sent nothing for ${context.silenceMs} ms.`;
          silence = pass.strike(startedAt, withoutAnswer('silent', message));
          context.log.warn({ attemptId: pass.attemptId }, message);
          ending.abort();
        },
      })
    : NO_WATCH;
  try {
    const answer = await context.upstream.send({
      endpoint,
      headers: request.headers,
      body: cleared.bytes,
      model: body.model,
      isStreamed: body.isStreamed,
      signal: ending.signal,
    });
    watch.heard();
    const { status } = answer;
    if (status >= 200 && status < 300) await relay({ ...forwarding, answer, watch, call: cleared.call });
    else await relayError({ ...forwarding, call: cleared.call, model: body.model, answer, watch });
  } catch (error) {
    if (silence !== null) refuse(response, silence);
    else if (!ending.signal.aborted) failUnreachable(forwarding, error);
  } finally {
    watch.stop();
    cleared.call?.settle();
  }
}

interface Relaying extends Forwarding {
  readonly answer: UpstreamAnswer;
  readonly watch: SilenceWatch;
}

/** Passes a good answer back as it comes, byte for byte, with the meter listening. */
async function relay(relaying: Relaying & { call: PassCall | null }): Promise<void> {
  const { context, response, body, ending, answer, watch, call } = relaying;
  let hasFailed = false;
  const meter =
    call === null
      ? null
      : createAnswerMeter({
          // One that is compressed against our asking cannot be read, only measured.
          contentType: answer.headers['content-encoding'] === undefined ? (answer.headers['content-type'] ?? '') : '',
          requestedModel: body.model,
          onUsage: (usage) => call.update(usage),
          // At once: Claude Code hangs up on an error without waiting for the end.
          onError(data) {
            hasFailed = true;
            const failure = toStreamFailure(data);
            call.fail(failure);
            reportLimit(context.governor, { failure, model: body.model });
          },
        });
  let isOver = false;
  const finish = (isWhole: boolean): void => {
    if (isOver) return;
    isOver = true;
    meter?.end(isWhole);
    call?.settle();
  };
  // At once, so that the meter is right the moment an attempt is closed.
  const onEnding = guarded(() => finish(false));
  ending.signal.addEventListener('abort', onEnding, { once: true });

  /** What cannot be read is not passed on: it would be spent without being counted. */
  function onBroken(error: unknown): void {
    const { attemptId } = relaying.pass;
    context.log.error({ attemptId, cause: toMessage(error) }, 'An answer could not be followed and is cut off.');
    ending.abort();
    response.destroy();
  }

  response.writeHead(answer.status, toAnswerHeaders(answer));
  response.flushHeaders();
  const piped = pipeline(answer.body, response);
  // After the pipe: each chunk is on its way before it is looked at.
  const onChunk = guarded((chunk: Buffer) => {
    watch.heard();
    if (!isOver) meter?.push(chunk);
  }, onBroken);
  const onEnd = guarded(() => {
    if (call !== null && !hasFailed && !isOver) {
      call.succeed();
      context.governor.onAnswer(body.model);
    }
    finish(true);
  }, onBroken);
  const onAnswerLost = guarded((error: Error) => {
    // Before the other side can notice.
    finish(false);
    if (!ending.signal.aborted && !hasFailed) failUnreachable(relaying, error);
  }, onBroken);
  answer.body.on('data', onChunk);
  answer.body.once('end', onEnd);
  answer.body.once('error', onAnswerLost);
  try {
    await piped;
  } catch {
    // The provider's side broke, which is recorded above, or the other side left, which is nobody's failure.
  } finally {
    finish(false);
  }
}

function failUnreachable({ context, response, pass, cleared }: Forwarding, error: unknown): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
  const message = response.headersSent
    ? `The connection to the model provider broke in the middle of an answer (${code}).`
    : `The model provider could not be reached (${code}).`;
  cleared.call?.fail(withoutAnswer('unreachable', message));
  context.log.warn({ attemptId: pass.attemptId, code }, message);
  refuse(response, { status: 502, type: 'api_error', message });
}
