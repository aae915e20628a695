import type { InsertObject } from 'kysely';
import { createId } from '../core/ids.ts';
import type { Tables } from './tables.ts';

type RunRow = InsertObject<Tables, 'longhaul.runs'>;

/** Returns the row of a run with an empty prompt, in the queue of its agent, with these values. */
export function createRunRow(values: Partial<RunRow> & Pick<RunRow, 'agent' | 'status'>): RunRow {
  return {
    id: createId(),
    queue: values.agent,
    prompt: '',
    session_id: createId(),
    metadata: '{}',
    priority: 0,
    limits: '{}',
    retry_policy: '{}',
    max_attempts: 1,
    created_by: createId(),
    ...values,
  };
}
