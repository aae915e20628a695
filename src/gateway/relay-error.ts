import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { GatewayLog } from './gateway-log.ts';
import type { Governor } from './governor.ts';
import { toAnswerHeaders } from './headers.ts';
import type { PassCall } from './call-outcomes.ts';
import type { AttemptPass } from './pass.ts';
import { isLongWait, toFailure, type ProviderFailure } from './provider-failure.ts';
import { refuse, REFUSALS } from './refusal.ts';
import type { SilenceWatch } from './silence.ts';
import type { UpstreamAnswer, UpstreamClient } from './upstream-client.ts';

interface RelayErrorOptions {
  readonly context: { readonly upstream: UpstreamClient; readonly governor: Governor; readonly log: GatewayLog };
  readonly response: ServerResponse;
  readonly pass: Pick<AttemptPass, 'logFacts'>;
  /** Null for a free call. */
  readonly call: PassCall | null;
  /** The model's name in the request. */
  readonly model: string;
  readonly answer: UpstreamAnswer;
  readonly watch: SilenceWatch;
}

/**
 * Relays an error answer, which is short: reads it whole, keeps it for the outcome of the run, and passes it back
 * without our credentials.
 */
export async function relayError(options: RelayErrorOptions): Promise<void> {
  const { context, response, pass, call, model, answer, watch } = options;
  const { status } = answer;
  const body = context.upstream.redact(await readError(answer.body, watch));
  const failure = toFailure({ status, headers: answer.headers, body: body.toString('utf8') });
  const isSignInFailed = failure.kind === 'auth';
  // Some upstreams do not count tokens, and no answer depends on it, so a run must not fail because of it.
  if (call !== null) {
    call.fail(failure, isSignInFailed ? REFUSALS.signInFailed : undefined);
    reportLimit(context.governor, { failure, model });
  }
  context.log.warn({ ...pass.logFacts, kind: failure.kind, status }, 'The model provider rejected a call.');
  // Passed on, a redirect would lead the prompt to a place that the configuration does not name.
  if (status >= 300 && status < 400) return refuse(response, REFUSALS.redirected);
  if (call !== null && isLimit(failure) && isLongWait(failure.resetAt)) {
    // In our own words: in the provider's, Claude Code would recognize a limit and retry, whatever the status is.
    return refuse(response, { status: 402, type: 'billing_error', message: failure.message });
  }
  // Claude Code retries 401 for three minutes; 403 ends at once.
  response.writeHead(isSignInFailed ? 403 : status, { ...toAnswerHeaders(answer), 'content-length': body.length });
  response.end(body);
}

/** Reports `failure` to the governor if it is a limit of the provider. */
export function reportLimit(governor: Governor, { failure, model }: { failure: ProviderFailure; model: string }): void {
  if (!isLimit(failure)) return;
  const { kind, resetAt, message, isAccountWide = false } = failure;
  governor.onLimit({ model, kind, resetAt, message, isAccountWide });
}

function isLimit(failure: ProviderFailure): failure is ProviderFailure & { kind: 'rate_limit' | 'overloaded' } {
  return failure.kind === 'rate_limit' || failure.kind === 'overloaded';
}

const MAX_ERROR_BYTES = 1024 * 1024;

async function readError(answer: Readable, watch: SilenceWatch): Promise<Buffer> {
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
