import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { toMaxPriority, toViewer } from '../access/caller.ts';
import type { SubmitDeps } from './api-deps.ts';
import type { ApiEnv } from './authenticate.ts';
import { checkSubmission } from './check-submission.ts';
import type { AcceptedRunResource, submissionSchema } from './contract.ts';
import { joinSession } from './join-session.ts';
import { toRateLimitHeaders } from './rate-limit-headers.ts';
import { findAttachments } from './read-attachments.ts';
import { submitOnce } from './submit-once.ts';
import { toTraceOf } from './trace-requests.ts';
import { toRunResource } from './to-resource.ts';

/**
 * Submits the run of a request within its caller's rate limits. Sets the rate limit and `Location` headers of the
 * response. A repeated request, by its idempotency key, returns the run of the first request.
 * @throws {LonghaulError} what `joinSession`, `checkSubmission` and `submitOnce` throw.
 */
export async function answerSubmission(
  context: Context<ApiEnv>,
  deps: SubmitDeps,
  body: z.output<typeof submissionSchema>,
): Promise<AcceptedRunResource> {
  const { config, database } = deps;
  const caller = context.get('caller');
  const { session, tenant, ...owners } = await joinSession(database, { body, caller });
  const readAttachments = await findAttachments(database, { bodies: [body], viewer: toViewer(caller) });
  const submission = checkSubmission({
    body: { ...body, ...owners },
    attachments: readAttachments(body),
    session,
    tenant,
    maxPriority: toMaxPriority(caller, config.limits),
    agents: config.agents,
    webhooks: config.webhooks,
    idempotencyKey: context.req.header('idempotency-key') ?? null,
    caller,
  });
  const { run, messageId } = await submitOnce(deps, {
    submission: { ...submission, trace: toTraceOf(context) },
    caller,
    onCounted(states) {
      for (const [name, value] of Object.entries(toRateLimitHeaders(states))) context.header(name, value);
    },
  });
  context.header('location', `/v1/runs/${run.id}`);
  return {
    ...toRunResource(run, { caller, basePath: config.http.basePath }),
    ...(messageId !== null && { messageId }),
  };
}
