import type { Config } from '../config/config.ts';
import { createId } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { receiveSpans } from '../core/tracing.ts';

interface TracingOptions {
  readonly config: Config;
  readonly version: string;
  /** The id of this process's worker; null when it has none. */
  readonly workerId: string | null;
  readonly log: Logger;
}

/**
 * Exports the spans of this process by OTLP until the returned function is called, which waits 2 s at most for the last
 * of them. Without an address for them nothing is loaded.
 */
export async function openTracing({ config, version, workerId, log }: TracingOptions): Promise<() => Promise<void>> {
  const { isOn, sampleRatio, includeContent } = config.tracing;
  if (!isOn) return async () => {};
  const { openExporter } = await import('./exporter.ts');
  const exporter = await openExporter({ instanceId: workerId ?? createId(), version, includeContent, log });
  const stop = receiveSpans({ sampleRatio, receive: exporter.add });
  return async () => {
    stop();
    await exporter.close();
  };
}
