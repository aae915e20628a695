import type { z } from '@hono/zod-openapi';
import { toIdempotencyOwner, toMaxPriority, toViewer, type Caller } from '../../access/caller.ts';
import type { Config } from '../../config/config.ts';
import { LonghaulError, type FieldError } from '../../core/errors.ts';
import type { Submission } from '../../run/accept/submission.ts';
import { checkIdempotencyKey, checkSubmission, describe } from '../check-submission.ts';
import { batchSchema, submittedBatchSchema } from '../contract.ts';
import { MAX_BODY_BYTES } from '../declaration.ts';
import { findJoined, type Joined } from '../join-session.ts';
import { COUNTED_HEADERS } from '../openapi/headers.ts';
import { toRateLimitHeaders } from '../rate-limit-headers.ts';
import { findAttachments } from '../read-attachments.ts';
import { route } from '../route.ts';
import { submitBatchOnce } from '../submit-once.ts';
import { toRunResource } from '../to-resource.ts';
import { toLinkOf } from '../trace-requests.ts';
import { json, problems } from './answers.ts';
import { idempotencyHeaders, jsonBody } from './requests.ts';

export const submitRuns = route(
  {
    method: 'post',
    path: '/v1/runs/batch',
    operationId: 'submitRuns',
    tag: 'Runs',
    access: 'runs:write',
    // A thousand submissions of 16 KiB.
    maxBodyBytes: 16 * MAX_BODY_BYTES,
    summary: 'Submit many runs, all or none',
    description:
      'At most 1,000 runs, in a body of at most 16 MiB. If any run is invalid, none is submitted, and `errors` names every invalid field, such as `runs[3].prompt`. The `Idempotency-Key` covers the whole batch. Runs that continue the same session run one after the other; a running run is neither interrupted nor steered.',
    request: { headers: idempotencyHeaders, body: jsonBody(batchSchema) },
    responses: {
      202: json(submittedBatchSchema, 'All runs are accepted: they survive the crash of any process.', COUNTED_HEADERS),
      ...problems(400, 401, 402, 403, 404, 409, 413, 415, 422, 429),
    },
  },
  async (context, deps) => {
    const { config, database } = deps;
    const { basePath } = config.http;
    const caller = context.get('caller');
    const key = checkIdempotencyKey(context.req.valid('header')['idempotency-key'] ?? null);
    const bodies = context.req.valid('json').runs;
    const join = await findJoined(database, { bodies, caller });
    const readAttachments = await findAttachments(database, { bodies, viewer: toViewer(caller) });
    const submissions = checkAll(bodies, { config, caller, join, readAttachments });
    const { runs } = await submitBatchOnce(deps, {
      // Each run has its own trace: the request is one cause of many.
      batch: submissions.map((submission) => ({ ...submission, trace: toLinkOf(context) })),
      idempotency: key === null ? null : { owner: toIdempotencyOwner(caller), key },
      caller,
      onCounted(states) {
        for (const [name, value] of Object.entries(toRateLimitHeaders(states))) context.header(name, value);
      },
    });
    return context.json({ data: runs.map((run) => toRunResource(run, { caller, basePath })) }, 202);
  },
  { renameField: toItemPath },
);

/** Converts `runs.3.prompt` to `runs[3].prompt`. */
function toItemPath({ path, message }: FieldError): FieldError {
  return { path: path.replace(/^runs\.(\d+)/, 'runs[$1]'), message };
}

type Bodies = z.output<typeof batchSchema>['runs'];

interface CheckAllOptions {
  readonly config: Config;
  readonly caller: Caller;
  readonly join: (body: Bodies[number]) => Joined;
  readonly readAttachments: Awaited<ReturnType<typeof findAttachments>>;
}

/**
 * @throws {LonghaulError} naming all invalid fields of all runs, with the code that they share, else `invalid_request`.
 */
function checkAll(bodies: Bodies, { config, caller, join, readAttachments }: CheckAllOptions): Submission[] {
  const submissions: Submission[] = [];
  const errors: FieldError[] = [];
  const codes = new Set<LonghaulError['code']>();
  for (const [index, body] of bodies.entries()) {
    try {
      const { session, tenant, ...owners } = join(body);
      submissions.push(
        checkSubmission({
          body: { ...body, ...owners },
          attachments: readAttachments(body),
          session,
          tenant,
          maxPriority: toMaxPriority(caller, config.limits),
          agents: config.agents,
          webhooks: config.webhooks,
          idempotencyKey: null,
          caller,
        }),
      );
    } catch (error) {
      if (!(error instanceof LonghaulError)) throw error;
      codes.add(error.code);
      errors.push(...error.errors.map(({ path, message }) => ({ path: `runs[${index}].${path}`, message })));
    }
  }
  const [code = 'invalid_request'] = codes.size === 1 ? codes : [];
  if (codes.size > 0) throw new LonghaulError(code, { message: describe(errors), errors });
  return submissions;
}
