import type { EventData } from '../core/events.ts';

/** A connection that ended, or was refused. */
export type EgressConnection = EventData['agent.connection'];

export type RefusalReason = NonNullable<EgressConnection['reason']>;
