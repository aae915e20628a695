import type { Selectable } from 'kysely';
import { head } from '../core/text.ts';
import type { RunsTable } from '../db/tables.ts';
import { toRun } from './run.ts';
import { toShownRun, type ShownRun } from './shown-run.ts';

/** Of a longer answer a webhook tells the beginning. */
const MOST_CHARACTERS = 16_000;

/** What a webhook tells. In JSON times become ISO 8601, as in the API. */
export interface WebhookData {
  readonly run: Omit<ShownRun, 'prompt'>;
  /** Whether `result` was cut or `structuredOutput` left out. */
  readonly isTruncated: boolean;
}

/**
 * A run as webhooks tell of it: as the API shows it to an application, without what is long. The prompt is not in it:
 * whoever is told has submitted it, and `metadata` says which it was.
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
