import { report, type StreamTransport } from '../core/process-events.ts';
import type { CursorEvent } from './cursor-events.ts';

/**
 * Creates the report of how late a stream delivers: called with each batch that goes to the client, it compares the
 * time at which the first event was written, by the database's clock, with this machine's. Events from before the
 * stream are history, and are left out.
 */
export function createLagReport(transport: StreamTransport): (batch: readonly CursorEvent[]) => void {
  const openedAtMs = Date.now();
  return ([first]) => {
    if (first === undefined || first.event === null) return;
    const writtenAtMs = Date.parse(first.event.at);
    if (writtenAtMs >= openedAtMs) report('stream.sent', { transport, lagMs: Math.max(0, Date.now() - writtenAtMs) });
  };
}
