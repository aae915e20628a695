import type { Context } from 'hono';
import type { WebSocket } from 'ws';
import type { Config } from '../../config/config.ts';
import { LonghaulError } from '../../core/errors.ts';

/** A request that asks to go on as a WebSocket, and may. */
export interface Upgrade {
  /** How long its reader may take nothing of what it was sent. */
  readonly stallMs: number;
  /** Goes on as one. Rejects when the handshake is wrong. */
  accept(): Promise<WebSocket>;
}

/** What comes to the API beside a request that asks to go on as a WebSocket. */
export interface UpgradeBindings {
  readonly upgrade: Upgrade;
}

/**
 * The WebSocket a request asks for; null when it does not, or comes from where there are none.
 * @throws {LonghaulError} `forbidden` when it comes from a web page that may not call the API: browsers let any page
 * open a WebSocket anywhere, and only say which page it was.
 */
export function findUpgrade(context: Context, config: Config): Upgrade | null {
  const { upgrade = null } = (context.env ?? {}) as Partial<UpgradeBindings>;
  if (upgrade === null) return null;
  const origin = context.req.header('origin');
  if (origin === undefined || isAllowed(origin, context.req.header('host'), config.http.corsOrigins)) return upgrade;
  throw new LonghaulError('forbidden', {
    message: `A page of ${origin.slice(0, 200)} may not call the API: its origin is not in http.corsOrigins.`,
  });
}

function isAllowed(origin: string, host: string | undefined, corsOrigins: readonly string[]): boolean {
  if (corsOrigins.includes('*') || corsOrigins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
