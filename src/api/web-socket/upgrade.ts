import type { Context } from 'hono';
import type { WebSocket } from 'ws';
import type { Config } from '../../config/config.ts';
import { LonghaulError } from '../../core/errors.ts';

/** A request to upgrade to a WebSocket. */
export interface Upgrade {
  /** Milliseconds that the client may leave sent frames unread. */
  readonly stallMs: number;
  /** Upgrades to a WebSocket. Rejects when the handshake is invalid. */
  accept(): Promise<WebSocket>;
}

/** The bindings that the API receives with an upgrade request. */
export interface UpgradeBindings {
  readonly upgrade: Upgrade;
}

/**
 * Finds the WebSocket upgrade of a request; null when the request asks for none, or its server supports none.
 * @throws {LonghaulError} `forbidden` when the request comes from a web page that may not call the API: browsers let
 * any page open a WebSocket to any server, and only report the page's origin.
 */
export function findUpgrade(context: Context, config: Config): Upgrade | null {
  const { upgrade = null } = (context.env ?? {}) as Partial<UpgradeBindings>;
  if (upgrade === null) return null;
  const origin = context.req.header('origin');
  if (origin === undefined || isAllowed(origin, context.req.header('host'), config.http.corsOrigins)) return upgrade;
  throw new LonghaulError('forbidden', {
    message: `A page of ${origin.slice(0, 200)} may not call the API, because its origin is not in http.corsOrigins.`,
  });
}

function isAllowed(origin: string, host: string | undefined, corsOrigins: readonly string[]): boolean {
  if (corsOrigins.includes('*') || corsOrigins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
