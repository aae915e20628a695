import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import { atMostEvery } from '../core/at-most-every.ts';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { describeService } from '../core/service-resource.ts';
import { settlesWithin } from '../core/settles-within.ts';
import type { Span } from '../core/tracing.ts';
import { toReadableSpan } from './to-readable-span.ts';

interface ExporterOptions {
  readonly instanceId: string;
  readonly version: string;
  /** True to export attributes that may contain prompts. */
  readonly includeContent: boolean;
  readonly log: Pick<Logger, 'warn'>;
}

export interface Exporter {
  /** Adds a span to the next batch. Spans beyond 2,048 that wait are dropped. */
  add(span: Span): void;
  close(): Promise<void>;
}

const LOG_EVERY_MS = 60_000;
/** A collector that is away must not delay the end of the process. */
const CLOSE_WITHIN_MS = 2_000;
const DEFAULT_DELAY_MS = 2_000;

/**
 * Opens an exporter that sends spans in batches, by OTLP over HTTP as JSON. The variables of OpenTelemetry set address,
 * headers, timeout and the longest wait of a batch (`OTEL_BSP_SCHEDULE_DELAY`, in milliseconds).
 */
export async function openExporter({ includeContent, log, ...service }: ExporterOptions): Promise<Exporter> {
  const resource = await describeService(service);
  const scope = { name: 'longhaul', version: service.version };
  const delay = Number(process.env['OTEL_BSP_SCHEDULE_DELAY']);
  const processor = new BatchSpanProcessor({
    exporter: reportFailures(new OTLPTraceExporter(), log),
    scheduledDelayMillis: delay > 0 ? delay : DEFAULT_DELAY_MS,
  });
  return {
    add: (span) => processor.onEnd(toReadableSpan(span, { resource, scope, includeContent })),
    async close() {
      await settlesWithin(
        processor.shutdown().catch(() => {}),
        CLOSE_WITHIN_MS,
      );
    },
  };
}

function reportFailures(exporter: OTLPTraceExporter, log: Pick<Logger, 'warn'>): OTLPTraceExporter {
  const warn = atMostEvery(LOG_EVERY_MS, (error: unknown) =>
    log.warn({ err: error }, `spans could not be exported: ${toMessage(error)}`),
  );
  const exportNow = exporter.export.bind(exporter);
  exporter.export = (spans, done) =>
    exportNow(spans, (result) => {
      if (result.error !== undefined) warn(result.error);
      done(result);
    });
  return exporter;
}
