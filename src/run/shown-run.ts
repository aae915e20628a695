import type { Run } from './run.ts';

/** A run as an application may see it, through the API and through webhooks, with the places of what belongs to it. */
export type ShownRun = ReturnType<typeof toShownRun>;

/** Leaves out what is only for operators, and what nobody outside has a use for. */
export function toShownRun(run: Run) {
  const { tenant, lastSeq, sessionTurn, errorDetail, retryPolicy, requestedLimits, ...shown } = run;
  const self = `/v1/runs/${run.id}`;
  return {
    ...shown,
    links: {
      self,
      events: `${self}/events`,
      cancel: `${self}/cancel`,
      retry: `${self}/retry`,
      approvals: `/v1/approvals?runId=${run.id}`,
    },
  };
}
