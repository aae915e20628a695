import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { GENERAL } from '../core/gen-ai.ts';
import { toStoredTrace, type StoredTrace } from '../core/run-trace.ts';
import { parseTraceparent, toTraceparent } from '../core/trace-context.ts';
import { emitSpan, isTracing, toChild } from '../core/tracing.ts';
import type { ApiEnv } from './authenticate.ts';

/**
 * Reads the caller's trace context. When this server traces, requests that submit or change runs become spans. Only after
 * authentication: nobody else can fill a collector.
 */
export const traceRequests = createMiddleware<ApiEnv>(async (context, next) => {
  const parent = parseTraceparent(context.req.header('traceparent'), context.req.header('tracestate'));
  const route = context.get('route');
  if (!isTracing() || route?.method !== 'POST' || route.access !== 'runs:write') {
    context.set('trace', parent);
    return next();
  }
  const own = toChild(parent);
  context.set('trace', own);
  const startedAtMs = Date.now();
  await next();
  const { status } = context.res;
  emitSpan({
    name: `${route.method} ${route.path}`,
    kind: 'server',
    context: own,
    parentSpanId: parent?.spanId ?? null,
    startedAtMs,
    endedAtMs: Date.now(),
    attributes: {
      [GENERAL.httpMethod]: route.method,
      [GENERAL.httpRoute]: route.path,
      [GENERAL.httpStatus]: status,
    },
    // A request that is rejected is not a failure of the server.
    error: status >= 500 ? String(status) : null,
  });
});

/** Returns the trace of a run that a request submits. */
export function toTraceOf(context: Context<ApiEnv>): StoredTrace | null {
  const trace = context.get('trace');
  return trace === null ? null : toStoredTrace(trace);
}

/** Returns the trace of a run that a request leads to, among others: the run begins a trace, and links to the request. */
export function toLinkOf(context: Context<ApiEnv>): StoredTrace | null {
  const trace = context.get('trace');
  return trace === null ? null : { links: [toTraceparent(trace)] };
}
