import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { toMessage, type RunErrorCode } from '../core/errors.ts';
import type { Admit } from './admission.ts';
import { createAnswerMeter } from './answer-meter.ts';
import type { Endpoint } from './endpoint.ts';
import type { GatewayLog } from './gateway-log.ts';
import { toAnswerHeaders } from './headers.ts';
import type { AttemptPass } from './pass.ts';
import { toFailure, toStreamFailure, withoutAnswer } from './provider-failure.ts';
import { refuse, REFUSALS, type Refusal } from './refusal.ts';
import { readRequestBody, type RequestBody } from './request-body.ts';
import { NO_WATCH, watchSilence, type SilenceWatch } from './silence.ts';
import type { UpstreamClient } from './upstream-client.ts';

/** What every exchange of a gateway shares. */
export interface ExchangeContext {
  readonly upstream: UpstreamClient;
  readonly admit: Admit;
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
  response.once('close', () => {
    if (!response.writableFinished) ending.abort();
  });
  const claim = pass.bodyBudget.claim();
  try {
    const body = await readRequestBody(request, claim);
    if (typeof body === 'string') return refuse(response, REFUSALS[body]);
    const refusal = await decide(options, body);
    if (ending.signal.aborted) return;
    if (refusal !== null) return refuse(response, refusal);
    await forward({ ...options, body, ending });
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

/** What stands against a request before it is sent, or null. Counting tokens is free and always admitted. */
async function decide({ context, pass, endpoint }: ExchangeOptions, body: RequestBody): Promise<Refusal | null> {
  if (pass.refusal !== null || endpoint.kind === 'count_tokens') return pass.refusal;
  if (pass.isCeilingReached) return denyMoney(pass, 'max_budget', 'The run has reached its cost limit.');
  let admission;
  try {
    admission = await context.admit({ attemptId: pass.attemptId, model: body.model, maxTokens: body.maxTokens });
  } catch (error) {
    // Closed when in doubt, and with a status that Claude Code tries again.
    context.log.error({ attemptId: pass.attemptId, cause: toMessage(error) }, 'Admission of a model call failed.');
    return REFUSALS.notAdmitted;
  }
  // Another request may have settled the matter meanwhile.
  if (admission.allowed) return pass.refusal;
  return denyMoney(pass, admission.code, admission.message);
}

/** A call that our own rules refuse: the run ends at once, with `code`. */
function denyMoney(pass: AttemptPass, code: RunErrorCode, message: string): Refusal {
  pass.fail({ kind: 'refused', status: null, message, retryAfterSeconds: null, at: Date.now(), code });
  return { status: 402, type: 'billing_error', message };
}

interface Forwarding extends ExchangeOptions {
  readonly body: RequestBody;
  readonly ending: AbortController;
}

async function forward(forwarding: Forwarding): Promise<void> {
  const { context, request, response, endpoint, pass, body, ending } = forwarding;
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
  const record = endpoint.kind === 'messages' ? pass.startAnswer() : null;
  try {
    const answer = await context.upstream.send({
      endpoint,
      headers: request.headers,
      body: body.bytes,
      signal: ending.signal,
    });
    watch.heard();
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) await relay({ ...forwarding, answer, watch, record });
    else await relayError({ ...forwarding, answer, watch });
  } catch (error) {
    if (silence !== null) refuse(response, silence);
    else if (!ending.signal.aborted) failUnreachable(forwarding, error);
  } finally {
    watch.stop();
    record?.settle();
  }
}

interface Relaying extends Forwarding {
  readonly answer: IncomingMessage;
  readonly watch: SilenceWatch;
}

/** Passes a good answer back as it comes, byte for byte, with the meter listening. */
async function relay(relaying: Relaying & { record: ReturnType<AttemptPass['startAnswer']> | null }): Promise<void> {
  const { response, pass, body, ending, answer, watch, record } = relaying;
  let hasFailed = false;
  const meter =
    record === null
      ? null
      : createAnswerMeter({
          // One that is compressed against our asking cannot be read, only measured.
          contentType: answer.headers['content-encoding'] === undefined ? (answer.headers['content-type'] ?? '') : '',
          requestedModel: body.model,
          onUsage: (usage) => record.update(usage),
          // At once: Claude Code hangs up on an error without waiting for the end.
          onError(data) {
            hasFailed = true;
            pass.fail(toStreamFailure(data));
          },
        });
  let isOver = false;
  const finish = (isWhole: boolean): void => {
    if (isOver) return;
    isOver = true;
    meter?.end(isWhole);
    record?.settle();
  };
  // At once, so that the meter is right the moment an attempt is closed.
  ending.signal.addEventListener('abort', () => finish(false), { once: true });

  response.writeHead(answer.statusCode ?? 200, toAnswerHeaders(answer));
  response.flushHeaders();
  const piped = pipeline(answer, response);
  // After the pipe: each chunk is on its way before it is looked at.
  answer.on('data', (chunk: Buffer) => {
    watch.heard();
    if (!isOver) meter?.push(chunk);
  });
  answer.once('end', () => {
    finish(true);
    if (record !== null && !hasFailed) pass.succeed();
  });
  answer.once('error', (error) => {
    // Before the other side can notice.
    finish(false);
    if (!ending.signal.aborted && !hasFailed) failUnreachable(relaying, error);
  });
  try {
    await piped;
  } catch {
    // The provider's side broke, which is recorded above, or the other side left, which is nobody's failure.
  } finally {
    finish(false);
  }
}

/** Error answers are short: read whole, kept for the outcome of the run, passed back without our credentials. */
async function relayError({ context, response, endpoint, pass, answer, watch }: Relaying): Promise<void> {
  const status = answer.statusCode ?? 500;
  const body = context.upstream.redact(await readError(answer, watch));
  const failure = toFailure({ status, headers: answer.headers, body: body.toString('utf8') });
  const isSignInFailed = failure.kind === 'auth';
  // Not every upstream counts tokens, and no answer depends on it: a run must not fail for that.
  if (endpoint.kind === 'messages') pass.fail(failure, isSignInFailed ? REFUSALS.signInFailed : undefined);
  context.log.warn({ attemptId: pass.attemptId, kind: failure.kind, status }, 'The model provider refused a call.');
  // Passed on, it would lead the prompt to a place nobody configured.
  if (status >= 300 && status < 400) return refuse(response, REFUSALS.redirected);
  // 401 is tried again for three minutes; 403 ends at once.
  response.writeHead(isSignInFailed ? 403 : status, { ...toAnswerHeaders(answer), 'content-length': body.length });
  response.end(body);
}

const MAX_ERROR_BYTES = 1024 * 1024;

async function readError(answer: IncomingMessage, watch: SilenceWatch): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    watch.heard();
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ERROR_BYTES);
}

function failUnreachable({ context, response, endpoint, pass }: Forwarding, error: unknown): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
  const message = response.headersSent
    ? `The connection to the model provider broke in the middle of an answer (${code}).`
    : `The model provider could not be reached (${code}).`;
  if (endpoint.kind === 'messages') pass.fail(withoutAnswer('unreachable', message));
  context.log.warn({ attemptId: pass.attemptId, code }, message);
  refuse(response, { status: 502, type: 'api_error', message });
}
