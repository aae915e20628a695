import { createHash } from 'node:crypto';
import { hashRequest, type IdempotencyKey, type IdempotentRequest } from './idempotency-keys.ts';
import type { Submission } from './submission.ts';

/** A request for a run, or for a batch of runs that is accepted or rejected as a whole. */
export type RunRequest =
  | { readonly submission: Submission }
  | {
      readonly batch: readonly Submission[];
      /** Null: the batch may be accepted again each time it arrives. */
      readonly idempotency: IdempotencyKey | null;
    };

/** A request as the functions of this folder pass it on. */
export interface ReadRequest {
  readonly submissions: readonly Submission[];
  readonly isBatch: boolean;
  /** Null: the request has no idempotency key. */
  readonly idempotency: IdempotentRequest | null;
}

export function readRequest(request: RunRequest): ReadRequest {
  if ('batch' in request) {
    const { batch: submissions, idempotency: key } = request;
    const idempotency = key && { ...key, hash: hashRequest({ runs: submissions.map(toParts) }) };
    return { submissions, isBatch: true, idempotency };
  }
  const { submission } = request;
  const { idempotencyKey: key, idempotencyOwner: owner = submission.createdBy } = submission;
  const idempotency = key === null ? null : { owner, key, hash: hashRequest(toParts(submission)) };
  return { submissions: [submission], isBatch: false, idempotency };
}

/** The parts that two equal submissions share. Later additions are left out while unset: keys outlive an upgrade. */
function toParts(submission: Submission): unknown[] {
  const { agent, prompt, user, team, metadata, priority, startAfter, requestedLimits, retryOf } = submission;
  const { webhookUrl = null, session = null, attachments: files = [] } = submission;
  const startsAt = startAfter?.toISOString() ?? null;
  const owners = team === null ? [] : [team];
  const webhooks = webhookUrl === null ? [] : [{ webhookUrl }];
  const sessions = session === null ? [] : [{ session }];
  const parts = [agent.name, prompt, user, metadata, priority, startsAt, requestedLimits, retryOf];
  const attachments = files.length === 0 ? [] : [{ attachments: files.map(toFileParts) }];
  return [...parts, ...owners, ...webhooks, ...sessions, ...attachments];
}

function toFileParts(file: NonNullable<Submission['attachments']>[number]): unknown[] {
  if ('fileId' in file) return [file.fileId];
  return [file.name, file.mediaType, createHash('sha256').update(file.content).digest('hex')];
}
