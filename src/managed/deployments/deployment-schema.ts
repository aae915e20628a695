import { z } from 'zod';
import { checkCron, checkTimeZone } from '../../schedule/cron.ts';
import { agentReferenceSchema } from '../agents/agents.ts';
import { limitedText } from '../agents/limited-text.ts';
import { metadataChangeSchema, metadataSchema } from '../agents/metadata.ts';
import { budgetSchema } from '../sessions/budget.ts';

/** Most characters of a cron expression or a time zone. */
const MOST_CHARACTERS = 256;

/** Names of months and days, which stand for numbers. */
const NAMES = /\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)\b/gi;

/** The characters of the fields of POSIX: no L, W, # or ?, and no name such as @daily. */
const POSIX = /^[\d*,/\s-]*$/;

const cronSchema = z.strictObject(
  {
    type: z.literal('cron', 'must be "cron"'),
    expression: withoutProblem((expression) =>
      POSIX.test(expression.replaceAll(NAMES, ''))
        ? checkCron(expression)
        : 'must be five fields of digits, *, -, / and ,',
    ),
    timezone: withoutProblem(checkTimeZone),
  },
  'must be an object with type, expression and timezone',
);

const initialEvents = z
  .array(z.looseObject({ type: z.string() }, 'must be an event'), 'must be a list of events')
  .min(1, 'must have an event')
  .max(50, 'must have at most 50 events');

const name = limitedText({ min: 1, max: 256 });
const environmentId = z.string('must be the id of an environment');

const fields = {
  description: limitedText({ max: 2_048 }).nullish(),
  budget: budgetSchema.nullish(),
  schedule: cronSchema.nullish(),
  resources: z.array(z.unknown(), 'must be a list').nullish(),
  vault_ids: z.array(z.string(), 'must be a list of ids').nullish(),
};

/** A new deployment as a client sends it. */
export const newDeploymentSchema = z.strictObject({
  name,
  agent: agentReferenceSchema,
  environment_id: environmentId,
  initial_events: initialEvents,
  ...fields,
  metadata: metadataSchema.nullish(),
});

/** A change of a deployment: a field that is left out stays. */
export const deploymentChangeSchema = z.strictObject({
  name: name.optional(),
  agent: agentReferenceSchema.optional(),
  environment_id: environmentId.optional(),
  initial_events: initialEvents.optional(),
  ...fields,
  metadata: metadataChangeSchema.nullish(),
});

export type NewDeployment = z.output<typeof newDeploymentSchema>;
export type DeploymentChange = z.output<typeof deploymentChangeSchema>;

/** A text; `check` returns its problem as the end of a sentence, or null. */
function withoutProblem(check: (text: string) => string | null) {
  return z.string('must be a text').superRefine((text, context) => {
    const message = text.length > MOST_CHARACTERS ? `must have at most ${MOST_CHARACTERS} characters` : check(text);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });
}
