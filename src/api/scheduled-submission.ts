import type { Agent } from '../config/config.ts';
import type { Submission } from '../run/accept/submission.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { checkSubmission } from './check-submission.ts';

type Scheduled = Pick<
  Schedule,
  'agent' | 'prompt' | 'user' | 'team' | 'tenant' | 'metadata' | 'priority' | 'limits' | 'webhookUrl' | 'createdBy'
>;

/**
 * Creates the submission of a schedule, checked against the current rules of its agent.
 * @throws {LonghaulError} `agent_not_found`, or `invalid_request` naming every invalid field.
 */
export function toScheduledSubmission(schedule: Scheduled, agents: ReadonlyMap<string, Agent>): Submission {
  const { agent, prompt, user, team, tenant, metadata, priority, limits, webhookUrl, createdBy } = schedule;
  const submission = checkSubmission({
    body: {
      agent,
      prompt,
      user: user ?? undefined,
      team: team ?? undefined,
      metadata: { ...metadata },
      priority,
      limits,
    },
    agents,
    idempotencyKey: null,
    caller: { kind: 'key', keyId: createdBy, scopes: [], user, team },
    tenant,
  });
  return { ...submission, webhookUrl };
}
