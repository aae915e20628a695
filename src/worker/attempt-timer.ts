import type { NewEvent } from '../core/events.ts';
import { report, type AttemptStart } from '../core/process-events.ts';
import type { Station } from './station.ts';

/** Tool uses that are timed at once; an attempt with more is not worth the memory. */
const MOST_OPEN = 1_000;

/** Creates a function that takes the events of an attempt, and reports the times of its first text and of its tools. */
export function createAttemptTimer({ agent, startedAt }: { readonly agent: string; readonly startedAt: number }) {
  const open = new Map<string, { readonly name: string; readonly begunAt: number }>();
  let hasAnswered = false;

  return (event: NewEvent, station: Station | null): void => {
    const now = performance.now();
    if (!hasAnswered && (event.type === 'agent.text.delta' || event.type === 'agent.text')) {
      hasAnswered = true;
      report('attempt.answered', { agent, start: toStart(station), durationMs: now - startedAt });
    }
    if (event.type === 'agent.tool_use' && open.size < MOST_OPEN) {
      open.set(event.data.toolUseId, { name: event.data.name, begunAt: now });
    }
    if (event.type === 'agent.tool_result') {
      const { toolUseId, isError } = event.data;
      const use = open.get(toolUseId);
      open.delete(toolUseId);
      if (use !== undefined) report('tool.ended', { name: use.name, isError, durationMs: now - use.begunAt });
    }
  };
}

/** Returns the origin of an attempt's process. */
export function toStart(station: Station | null): AttemptStart {
  if (station === null || station.spare === null) return 'cold';
  const { turn, userKey } = station.spare;
  if (turn !== null) return 'warm';
  return userKey === null ? 'spare' : 'reused';
}
