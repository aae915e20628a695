import { listen, type Listening } from './api/listen.ts';
import type { MetricsConfig } from './config/resolve-metrics.ts';
import { METRICS_TYPE, type Metrics } from './metrics/metrics.ts';

interface PortOptions {
  readonly config: MetricsConfig & { readonly port: number };
  /** Answers requests of the API, with its checks of keys. */
  readonly handle: (request: Request) => Response | Promise<Response>;
  readonly metrics: Metrics;
  readonly onWarning: (facts: object, message: string) => void;
}

const PATHS: ReadonlySet<string> = new Set(['/metrics', '/livez', '/readyz']);

/**
 * Listens on the port of metrics: it answers `/metrics`, `/livez` and `/readyz` as the API does, and nothing else.
 * @throws {LonghaulError} `port_in_use` when the port is taken.
 */
export function openMetricsPort({ config, handle, metrics, onWarning }: PortOptions): Promise<Listening> {
  const { host, port, withoutKey } = config;
  return listen({
    host,
    port,
    variable: 'LONGHAUL_METRICS_PORT',
    onWarning,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (!PATHS.has(pathname) || request.method !== 'GET') {
        return new Response('This port answers GET /metrics, /livez and /readyz.\n', { status: 404 });
      }
      if (!withoutKey || pathname !== '/metrics') return handle(request);
      return new Response(await metrics.scrape(), { headers: { 'content-type': METRICS_TYPE } });
    },
  });
}
