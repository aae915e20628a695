import { toMessage, type RunErrorCode } from '../core/errors.ts';
import { formatUsd } from '../core/money.ts';
import type { Admit } from './admission.ts';
import type { Endpoint } from './endpoint.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { Governor } from './governor.ts';
import { lowerRequest } from './lower-request.ts';
import type { AttemptPass, PassCall } from './pass.ts';
import { isLongWait, refusedWith } from './provider-failure.ts';
import { REFUSALS, type Refusal } from './refusal.ts';
import type { RequestBody } from './request-body.ts';
import { withMembers } from './rewrite-body.ts';

interface DecideOptions {
  readonly context: {
    readonly admit: Admit;
    readonly governor: Governor;
    readonly askedModelOf: (model: string) => string;
    readonly log: GatewayLog;
  };
  readonly pass: AttemptPass;
  readonly endpoint: Endpoint;
  readonly body: RequestBody;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** A request that may be sent. */
export interface Cleared {
  /** What goes to the provider: what came, with less in it where it asked for more than it may have. */
  readonly bytes: readonly Buffer[];
  /** The call as the attempt's account has it, to be settled; null for one that is free. */
  readonly call: PassCall | null;
}

/**
 * Decides whether a request may be sent, and what it may ask for. While other calls of the attempt may still use up
 * the money or the turns that are left, it waits for them. Nothing may come between this and sending: what it may
 * cost is set aside from here on.
 */
export async function decide(options: DecideOptions): Promise<Cleared | Refusal | 'left'> {
  const { context, pass, endpoint, body, signal } = options;
  if (pass.refusal !== null) return pass.refusal;
  // Counting tokens is free and always admitted.
  if (endpoint.kind === 'count_tokens') return { bytes: [body.bytes], call: null };
  if (pass.account.isCeilingReached) return deny(pass, 'max_budget');
  let admission;
  try {
    admission = await context.admit({ attemptId: pass.attemptId, model: body.model, maxTokens: body.maxTokens });
  } catch (error) {
    // Closed when in doubt, and with a status that Claude Code tries again.
    context.log.error({ attemptId: pass.attemptId, cause: toMessage(error) }, 'Admission of a model call failed.');
    return REFUSALS.notAdmitted;
  }
  if (!admission.allowed) return pass.refusal ?? deny(pass, admission.code, { message: admission.message });
  while (!signal.aborted) {
    // Another request may have settled the matter meanwhile.
    const refusal = pass.refusal ?? judgeLimit(options);
    if (refusal !== null) return refusal;
    const call = pass.begin({ ...body, asked: [context.askedModelOf(body.model), body.model] });
    if (typeof call === 'object') return { bytes: lower(options, call), call };
    if (call === 'too_open') return refuseOpen(options);
    if (call !== 'wait') return deny(pass, call);
    await pass.account.changed(signal);
  }
  return 'left';
}

/** What the provider's limits have against a request, or null. */
function judgeLimit({ context, pass, body }: DecideOptions): Refusal | null {
  const limit = context.governor.limitOf(body.model);
  return limit !== null && isLongWait(limit.resetAt) ? deny(pass, limit.code, limit) : null;
}

function lower({ context, pass, body }: DecideOptions, { maxTokens }: PassCall): readonly Buffer[] {
  const members = lowerRequest(body, { maxTokens, maxThinkingTokens: pass.maxThinkingTokens });
  if (Object.keys(members).length === 0) return [body.bytes];
  context.log.debug(
    { attemptId: pass.attemptId, maxTokens, members: Object.keys(members) },
    'A model call was lowered.',
  );
  return withMembers(body.bytes, members);
}

/**
 * A call that nothing bounds, and that may cost more than is left. It alone is refused, and the run goes on: an agent
 * that offered such tools by itself is told which.
 */
function refuseOpen({ context, pass, body }: DecideOptions): Refusal {
  const { servedBy } = body.demand;
  const left = formatUsd(Math.max(0, Math.floor(pass.account.leftMicros)));
  context.log.warn(
    { attemptId: pass.attemptId, servedBy },
    'A model call was refused: nothing bounds what it may cost.',
  );
  const message = `With ${servedBy} the provider may read for this call as often and as much as it likes, for more than the ${left} that the run may still cost. Leave it out, or raise limits.maxBudgetUsd.`;
  return { status: 400, type: 'invalid_request_error', message };
}

const MESSAGES = {
  max_budget: 'The run has reached its cost limit.',
  max_turns: 'The run has reached its limit of turns.',
} as const satisfies Partial<Record<RunErrorCode, string>>;

/** A call that our own rules refuse: the run ends at once, with `code`. */
function deny(pass: AttemptPass, code: keyof typeof MESSAGES): Refusal;
function deny(pass: AttemptPass, code: RunErrorCode, why: { message: string; resetAt?: number }): Refusal;
function deny(pass: AttemptPass, code: RunErrorCode, why?: { message: string; resetAt?: number }): Refusal {
  const { message, resetAt } = why ?? { message: MESSAGES[code as keyof typeof MESSAGES] };
  pass.deny(refusedWith(code, { message, resetAt: resetAt ?? null }));
  return { status: 402, type: 'billing_error', message };
}
