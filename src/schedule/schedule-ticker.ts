import { sql, type SqlBool } from 'kysely';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { LonghaulError } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import { maskSecrets } from '../core/mask-secrets.ts';
import { insertRuns } from '../run/accept/insert-runs.ts';
import type { Submission } from '../run/accept/submission.ts';
import { withoutFiguresOfOthers } from '../run/money/budget-error.ts';
import type { RunDeps } from '../run/rules.ts';
import { toSchedule, type Schedule, type ScheduleRow } from './schedule.ts';
import { createTicker, type Ticker } from './ticker.ts';

export interface ScheduleTickerDeps extends RunDeps {
  /** @throws {LonghaulError} when its agent rejects the submission. */
  readonly toSubmission: (schedule: Schedule) => Submission;
}

/** Creates the ticker of schedules: a tick submits a run as any other, and a rejection is kept as `last_error`. */
export function createScheduleTicker({ database, queue, rules, toSubmission }: ScheduleTickerDeps): Ticker {
  const agents = [...rules.agents.keys()];
  return createTicker<ScheduleRow>(database, {
    table: 'longhaul.schedules',
    isKnown: sql<SqlBool>`due.agent = any(${sql.val(agents)}::text[])`,
    async make(trx, { row, tickAt }) {
      const id = createId();
      const submission = { ...toSubmission(toSchedule(row)), actor: SYSTEM_ACTOR, schedule: { id: row.id, tickAt } };
      await insertRuns(trx, { queue, rules, ids: [id], submissions: [submission] });
      await trx
        .updateTable('longhaul.schedules')
        .set({ last_run_id: id, last_error: null })
        .where('id', '=', row.id)
        .execute();
      return id;
    },
    toRejection(error) {
      if (!(error instanceof LonghaulError)) return null;
      // The owner of the schedule reads this text, so it must not contain an operator's figures.
      const { code, message } = withoutFiguresOfOthers(error) as LonghaulError;
      return { code, message: maskSecrets(message) };
    },
    async reject(trx, { row, now }, rejection) {
      const last_error = JSON.stringify({ ...rejection, at: now.toISOString() });
      await trx.updateTable('longhaul.schedules').set({ last_error }).where('id', '=', row.id).execute();
    },
    toPauseRecord: ({ id, name, agent }) => ({
      action: 'schedule.paused',
      subject: id,
      data: { name, agent, reason: 'key_revoked' },
    }),
  });
}
