import type { RunErrorCode } from '../core/errors.ts';
import { formatUsd } from '../core/money.ts';
import type { Endpoint } from './endpoint.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { Governor } from './governor.ts';
import { lowerRequest } from './lower-request.ts';
import type { PassCall } from './call-outcomes.ts';
import type { AttemptPass } from './pass.ts';
import { isLongWait, refusedWith } from './provider-failure.ts';
import { judgeReach } from './reach.ts';
import type { Refusal } from './refusal.ts';
import type { RequestBody } from './request-body.ts';
import { withMembers } from './rewrite-body.ts';

interface DecideOptions {
  readonly context: {
    readonly governor: Governor;
    readonly askedModelOf: (model: string) => string;
    readonly log: GatewayLog;
  };
  readonly pass: AttemptPass;
  readonly endpoint: Endpoint;
  readonly body: RequestBody;
  /** Aborts when no reader waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** A request that may be sent. */
export interface Cleared {
  /**
   * The bytes for the provider: the received ones, with lowered values if the request asked for more than it may have.
   */
  readonly bytes: readonly Buffer[];
  /** The call in the attempt's account, to be settled; null for a free call. */
  readonly call: PassCall | null;
}

/**
 * Decides whether a request may be sent, and how much it may ask for. It waits while other calls of the attempt may
 * still use up the remaining money or turns. Send the request immediately after this: its possible cost is reserved
 * from here on.
 */
export async function decide(options: DecideOptions): Promise<Cleared | Refusal | 'left'> {
  const { context, pass, endpoint, body, signal } = options;
  if (pass.refusal !== null) return pass.refusal;
  const stray = judgeReach(pass.reach, body.demand);
  if (stray !== null) {
    context.log.warn(
      { ...pass.logFacts, by: body.demand.reachedBy },
      'A model call was rejected: it leads out of the sandbox.',
    );
    return stray;
  }
  // Counting tokens is free and never limited.
  if (endpoint.kind === 'count_tokens') return { bytes: [body.bytes], call: null };
  if (pass.account.isCeilingReached) return deny(pass, 'max_budget');
  while (!signal.aborted) {
    // Another request may have decided the matter in the meantime.
    const refusal = pass.refusal ?? judgeLimit(options);
    if (refusal !== null) return refusal;
    // Judged by `allow` in `allowance.ts`.
    const call = pass.begin({ ...body, asked: [context.askedModelOf(body.model), body.model] });
    if (typeof call === 'object') return { bytes: lower(options, call), call };
    if (call === 'too_open') return refuseOpen(options);
    if (call !== 'wait') return deny(pass, call);
    await pass.account.changed(signal);
  }
  return 'left';
}

/** Returns a refusal if a limit of the provider forbids the request, or null. */
function judgeLimit({ context, pass, body }: DecideOptions): Refusal | null {
  const limit = context.governor.limitOf(body.model);
  return limit !== null && isLongWait(limit.resetAt) ? deny(pass, limit.code, limit) : null;
}

function lower({ context, pass, body }: DecideOptions, { maxTokens }: PassCall): readonly Buffer[] {
  const members = lowerRequest(body, { maxTokens, maxThinkingTokens: pass.maxThinkingTokens });
  if (Object.keys(members).length === 0) return [body.bytes];
  context.log.debug(
    { ...pass.logFacts, maxTokens, members: Object.keys(members) },
    'The limits of a model call were lowered.',
  );
  return withMembers(body.bytes, members);
}

/**
 * Rejects a call that nothing bounds, and that may cost more than is left. Only this call is rejected, and the run
 * continues: an agent that offered such tools by itself learns which.
 */
function refuseOpen({ context, pass, body }: DecideOptions): Refusal {
  const { servedBy } = body.demand;
  const left = formatUsd(Math.max(0, Math.floor(pass.account.leftMicros)));
  context.log.warn({ ...pass.logFacts, servedBy }, 'A model call was rejected: nothing bounds its cost.');
  const message = `With ${servedBy} the provider may read any amount any number of times for this call, which may cost more than the ${left} that the run may still spend. Leave it out, or raise limits.maxBudgetUsd.`;
  return { status: 400, type: 'invalid_request_error', message };
}

const MESSAGES = {
  max_budget: 'The run has reached its cost limit.',
  max_turns: 'The run has reached its limit of turns.',
} as const satisfies Partial<Record<RunErrorCode, string>>;

/** Rejects a call by our own rules: the run ends immediately, with `code`. */
function deny(pass: AttemptPass, code: keyof typeof MESSAGES): Refusal;
function deny(pass: AttemptPass, code: RunErrorCode, why: { message: string; resetAt?: number }): Refusal;
function deny(pass: AttemptPass, code: RunErrorCode, why?: { message: string; resetAt?: number }): Refusal {
  const { message, resetAt } = why ?? { message: MESSAGES[code as keyof typeof MESSAGES] };
  pass.deny(refusedWith(code, { message, resetAt: resetAt ?? null }));
  return { status: 402, type: 'billing_error', message };
}
