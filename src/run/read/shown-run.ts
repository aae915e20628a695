import { filesOf, type AttachedFile } from '../../core/prompt-parts.ts';
import type { Run } from '../run.ts';

/** A run as an application may see it, through the API and webhooks, with links to its resources. */
export type ShownRun = ReturnType<typeof toShownRun>;

/**
 * Leaves out fields that are only for operators or of no use outside. `basePath`: the path that the API is served
 * under, with which links begin; empty by default.
 */
export function toShownRun(run: Run, basePath = '') {
  const { tenant, lastSeq, sessionTurn, errorDetail, retryPolicy, requestedLimits, trace, ...rest } = run;
  const { isManaged, isBoundBySession, parts, ...shown } = rest;
  const self = `${basePath}/v1/runs/${run.id}`;
  return {
    ...shown,
    attachments: filesOf(parts).map(toAttachment),
    links: {
      self,
      events: `${self}/events`,
      cancel: `${self}/cancel`,
      retry: `${self}/retry`,
      approvals: `${basePath}/v1/approvals?runId=${run.id}`,
    },
  };
}

/** An attachment as an application sees it. */
export function toAttachment({ fileId, name, mediaType, bytes }: AttachedFile) {
  return { fileId, name, mediaType, bytes };
}
