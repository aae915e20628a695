import type { Selectable } from 'kysely';
import { head } from '../../core/text.ts';
import type { RunsTable } from '../../db/tables.ts';
import { toRun } from '../run.ts';
import { toShownRun, type ShownRun } from '../read/shown-run.ts';

/** Characters of a longer answer that a webhook contains. */
const MOST_CHARACTERS = 16_000;

/** The data of a webhook. In JSON, times become ISO 8601, as in the API. */
export interface WebhookData {
  readonly run: Omit<ShownRun, 'prompt'>;
  /** True when `result` was cut or `structuredOutput` left out. */
  readonly isTruncated: boolean;
}

/**
 * A run in webhooks: as the API shows it to an application, without long fields. The prompt is left out: the receiver
 * has submitted the run, and `metadata` identifies it.
 */
export function toWebhookRun(row: Selectable<RunsTable>): WebhookData {
  const { prompt, ...run } = toShownRun(toRun(row));
  const result = run.result === null ? null : head(run.result, MOST_CHARACTERS);
  const isOutputLong = JSON.stringify(run.structuredOutput).length > MOST_CHARACTERS;
  return {
    run: { ...run, result, structuredOutput: isOutputLong ? null : run.structuredOutput },
    isTruncated: result !== run.result || isOutputLong,
  };
}
