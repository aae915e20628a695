import type { EventResource, RunResource } from '../client/client.ts';
import type { EventType } from '../core/events.ts';
import { createLivePage } from './live-page.ts';
import { describeOutcome } from './outcome.ts';
import { renderEvents } from './render-events.ts';
import type { Output } from './shell.ts';

/** A view that shows a run to a person, event by event. */
export interface LiveView {
  add(event: EventResource): void;
  /** Shows the outcome of the run. */
  close(run: RunResource): void;
}

/**
 * Shows a run's events on `output` when they arrive: text as it streams, a line for each tool use and each result. Only
 * appends, so that the output reads the same on a terminal, in a file and in a CI log.
 */
export function createLiveView(output: Output): LiveView {
  const page = createLivePage(output);
  const renderers = renderEvents(page);
  return {
    add(event) {
      const render = renderers[event.type as EventType] as ((data: unknown) => void) | undefined;
      render?.(event.data);
    },
    close: (run) => page.close(describeOutcome(run, output)),
  };
}
