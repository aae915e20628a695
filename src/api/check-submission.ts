import type { z } from '@hono/zod-openapi';
import { toIdempotencyOwner, type Caller } from '../access/caller.ts';
import type { Agent, WebhooksConfig } from '../config/config.ts';
import { HEALTH_AGENT, withoutHealthAgent } from '../config/health-agent.ts';
import { LonghaulError, type FieldError } from '../core/errors.ts';
import type { RunLimits } from '../core/limits.ts';
import { countCharacters } from '../core/text.ts';
import type { Submission } from '../run/accept/submission.ts';
import { checkMetadata } from './check-metadata.ts';
import type { submissionSchema } from './contract.ts';
import type { Attachments } from './read-attachments.ts';
import { fieldError } from './problem.ts';
import { checkWebhookUrl } from './webhook-access.ts';
import { withoutUndefined } from './without-undefined.ts';

const MAX_IDEMPOTENCY_KEY_LENGTH = 255;

interface CheckOptions {
  readonly body: z.output<typeof submissionSchema>;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly idempotencyKey: string | null;
  readonly caller: Caller;
  /** The team that owns the run's user; null when the user is the application's. */
  readonly tenant: string | null;
  /** The highest priority allowed; null for any. Defaults to any. */
  readonly maxPriority?: number | null;
  /** The rules for a `webhookUrl`. Without it, a `webhookUrl` is rejected. */
  readonly webhooks?: WebhooksConfig;
  /** The attachments, from `findAttachments`. Without them, `attachments` are rejected. */
  readonly attachments?: Attachments;
  /** The session to continue, from `joinSession`. Without it, a `sessionId` is rejected. */
  readonly session?: Submission['session'];
  /** The run that is retried. Defaults to null, for a new run. */
  readonly retryOf?: string | null;
}

/**
 * Checks a well-formed submission against the rules of its agent.
 * @throws {LonghaulError} `agent_not_found`, or `invalid_request` naming every invalid field.
 */
export function checkSubmission(options: CheckOptions): Submission {
  const {
    body,
    agents,
    idempotencyKey,
    caller,
    tenant,
    maxPriority = null,
    webhooks,
    attachments,
    session,
    retryOf = null,
  } = options;
  const agent = agents.get(body.agent);
  if (agent === undefined || agent.name === HEALTH_AGENT) {
    const names = withoutHealthAgent(agents).map(({ name }) => name);
    const message = `is not an agent of this service; the agents are: ${names.join(', ')}`;
    throw new LonghaulError('agent_not_found', { message: `agent ${message}.`, errors: [{ path: 'agent', message }] });
  }
  checkIdempotencyKey(idempotencyKey);
  if (attachments === undefined && body.attachments !== undefined)
    throw fieldError('attachments', 'must be left out here');
  if (session === undefined) {
    if (body.sessionId !== undefined) throw fieldError('sessionId', 'must be left out here');
    if (body.fork !== undefined) throw fieldError('fork', 'must be left out here');
  }
  if (body.webhookUrl !== undefined) {
    if (webhooks === undefined) throw fieldError('webhookUrl', 'must be left out here');
    checkWebhookUrl(body.webhookUrl, { path: 'webhookUrl', caller, config: webhooks });
  }
  const requestedLimits = withoutUndefined(body.limits ?? {});
  const errors = [
    ...checkPrompt(body.prompt, agent.limits.maxPromptLength),
    ...checkMetadata(body.metadata ?? {}),
    ...checkLimits(requestedLimits, agent.limits),
    ...checkPriority(body.priority ?? 0, maxPriority),
  ];
  if (errors.length > 0) {
    throw new LonghaulError('invalid_request', { message: describe(errors), errors });
  }
  return {
    agent,
    prompt: body.prompt,
    ...(attachments !== undefined && { attachments }),
    user: body.user ?? null,
    team: body.team ?? null,
    tenant,
    metadata: body.metadata ?? {},
    priority: body.priority ?? 0,
    startAfter: body.startAfter === undefined ? null : new Date(body.startAfter),
    limits: { ...agent.limits, ...requestedLimits },
    requestedLimits,
    session: session ?? null,
    retryOf,
    webhookUrl: body.webhookUrl ?? null,
    idempotencyKey,
    idempotencyOwner: toIdempotencyOwner(caller),
    createdBy: caller.keyId,
  };
}

/** @throws {LonghaulError} `invalid_request` for a malformed key. */
export function checkIdempotencyKey(key: string | null): string | null {
  if (key === null || /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw fieldError(
    'Idempotency-Key',
    `must be 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} printable ASCII characters without spaces`,
  );
}

/** Maximum number of field errors in a sentence. */
const MOST_IN_SENTENCE = 10;

export function describe(errors: readonly FieldError[]): string {
  const named = errors.slice(0, MOST_IN_SENTENCE);
  const more = errors.length - named.length;
  return `${named.map(({ path, message }) => `${path || 'the body'} ${message}`).join('; ')}${more > 0 ? `; and ${more} more` : ''}.`;
}

function checkPrompt(prompt: string, maxLength: number): FieldError[] {
  const length = countCharacters(prompt);
  if (length <= maxLength) return [];
  return [{ path: 'prompt', message: `must have at most ${maxLength} characters; received ${length}` }];
}

/**
 * Limits the priority of a caller bound to a user or team, so that it cannot go first unless the configuration allows
 * it.
 */
export function checkPriority(priority: number, most: number | null): FieldError[] {
  if (most === null || priority <= most) return [];
  const message = `must be at most ${most} for a key or token that is bound to a user or a team; received ${priority}`;
  return [{ path: 'priority', message }];
}

function checkLimits(limits: Partial<RunLimits>, agentLimits: RunLimits): FieldError[] {
  return Object.entries(limits).flatMap(([name, value]) => {
    const most = agentLimits[name as keyof RunLimits];
    if (value <= most) return [];
    return [{ path: `limits.${name}`, message: `must be at most ${most}, the agent's own limit; received ${value}` }];
  });
}
