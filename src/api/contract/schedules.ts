import { z } from '@hono/zod-openapi';
import { text } from '../input-fields.ts';
import { checkCron, checkTimeZone } from '../../schedule/cron.ts';
import { MISSED } from '../../schedule/schedule.ts';
import { instant } from './output-fields.ts';
import { limitsSchema, submissionSchema } from './submission.ts';

const { agent, prompt, user, team, metadata, priority } = submissionSchema.shape;

const name = text()
  .min(1, 'must not be empty')
  .max(100, 'must have at most 100 characters')
  .describe('A name for people.');

const cron = checked(checkCron)
  .describe(
    'Minute, hour, day, month and weekday, or a name such as @daily. At most once a minute: there is no field for seconds.',
  )
  .openapi({ example: '30 7 * * 1-5' });

const timeZone = checked(checkTimeZone)
  .describe('The time zone of `cron`: an IANA name. Defaults to the configured `timeZone`.')
  .openapi({ example: 'Europe/Berlin' });

const missed = z
  .enum(MISSED, `must be one of ${MISSED.join(', ')}`)
  .describe(
    'Ticks that were missed while no server was running: `skip` ignores them, `once` submits the last one, `all` submits each of them, at most the last 100. Defaults to `once`.',
  );

const webhookUrl = text()
  .max(2_000, 'must have at most 2000 characters')
  .refine((value) => /^https?:\/\//i.test(value) && URL.canParse(value), 'must be an http or https URL')
  .describe('Notified when a run of the schedule ends or waits.');

export const newScheduleSchema = z
  .strictObject(
    {
      name: name.optional(),
      agent,
      prompt,
      cron,
      timeZone: timeZone.optional(),
      user,
      team,
      metadata,
      priority,
      limits: limitsSchema.optional(),
      webhookUrl: webhookUrl.optional(),
      missed: missed.optional(),
    },
    'must be an object',
  )
  .openapi('NewSchedule', {
    example: {
      name: 'morning report',
      agent: 'reader',
      prompt: 'Summarize the messages of last night.',
      cron: '30 7 * * 1-5',
      timeZone: 'Europe/Berlin',
    },
  });

export const scheduleChangeSchema = z
  .strictObject(
    {
      name: name.nullable().optional().describe('Null removes the name.'),
      agent: agent.optional(),
      prompt: prompt.optional(),
      cron: cron.optional(),
      timeZone: timeZone.optional(),
      metadata,
      priority,
      limits: limitsSchema.optional(),
      webhookUrl: webhookUrl.nullable().optional().describe('Null stops the notifications.'),
      missed: missed.optional(),
    },
    'must be an object',
  )
  .openapi('ScheduleChange', { example: { cron: '0 8 * * 1-5' } });

export const scheduleSchema = z
  .object({
    id: z.uuid(),
    name: z.string().nullable(),
    agent: z.string(),
    prompt: z.string(),
    cron: z.string(),
    timeZone: z.string(),
    user: z.string().nullable(),
    team: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    priority: z.int(),
    limits: limitsSchema,
    webhookUrl: z
      .string()
      .nullable()
      .describe('Shown to the key that created the schedule and to operators; null for others.'),
    missed: z.enum(MISSED),
    createdAt: instant(),
    pausedAt: instant().nullable(),
    pausedReason: z
      .enum(['by_hand', 'key_revoked'])
      .nullable()
      .describe('`key_revoked`: its API key was revoked. The key that resumes the schedule becomes its key.'),
    nextAt: instant().nullable().describe('Null while the schedule is paused.'),
    lastAt: instant().nullable().describe('The last tick that submitted a run or was rejected.'),
    lastRunId: z.uuid().nullable().describe('The run of the last tick that submitted one.'),
    lastError: z
      .object({ code: z.string(), message: z.string(), at: instant() })
      .nullable()
      .describe('Why the last tick submitted no run, such as a used-up budget; null when it submitted one.'),
  })
  .openapi('Schedule');

export type NewSchedule = z.input<typeof newScheduleSchema>;
export type ScheduleChange = z.input<typeof scheduleChangeSchema>;
export type ScheduleResource = z.infer<typeof scheduleSchema>;

function checked(check: (value: string) => string | null) {
  return text()
    .max(200, { error: 'must have at most 200 characters', abort: true })
    .superRefine((value, context) => {
      const wrong = check(value);
      if (wrong !== null) context.addIssue({ code: 'custom', message: wrong.replace(/; received .*$/s, '') });
    });
}
