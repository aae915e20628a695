import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { LonghaulError } from '../core/errors.ts';

/** What the dashboard sends with each request. A page of another origin cannot, unless it is allowed to beforehand. */
export const DASHBOARD_HEADER = 'x-longhaul-dashboard';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * The secret of the sign-in that a request comes with; null: it has none.
 * @throws {LonghaulError} `forbidden` when the request may not be the dashboard's own: the browser adds the cookie, whoever
 * made it send the request.
 */
export function readSignInCookie(context: Context): string | null {
  const secret = getCookie(context, toName(context));
  if (secret === undefined || secret === '') return null;
  checkOrigin(context);
  const isMarked = SAFE_METHODS.has(context.req.method) || context.req.header(DASHBOARD_HEADER) !== undefined;
  if (!isMarked || context.req.header('upgrade') !== undefined) {
    throw new LonghaulError('forbidden', {
      message: `A sign-in counts for the dashboard's own requests, which carry ${DASHBOARD_HEADER}. Send an API key.`,
    });
  }
  return secret;
}

/**
 * Refuses what a page of another origin has the browser send. `same-site` is another origin too: another port of this host.
 * @throws {LonghaulError} `forbidden`
 */
export function checkOrigin(context: Context): void {
  const site = context.req.header('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  throw new LonghaulError('forbidden', { message: `The request comes from another page (Sec-Fetch-Site: ${site}).` });
}

interface CookieOptions {
  /** Where Longhaul is, below the address of its server. */
  readonly basePath: string;
}

/** Has the browser keep the secret where no script reads it, and send it to this origin's own pages alone. */
export function setSignInCookie(
  context: Context,
  { secret, expiresAt, basePath }: CookieOptions & { secret: string; expiresAt: Date },
): void {
  setCookie(context, toName(context), secret, { ...toAttributes(context, basePath), expires: expiresAt });
}

/** Has the browser forget it. */
export function clearSignInCookie(context: Context, { basePath }: CookieOptions): void {
  deleteCookie(context, toName(context), toAttributes(context, basePath));
}

function toAttributes(context: Context, basePath: string) {
  // Behind a proxy that ends TLS the request itself is plain. Whoever forges the header harms its own cookie alone.
  const isSecure =
    new URL(context.req.url).protocol === 'https:' || context.req.header('x-forwarded-proto')?.trim() === 'https';
  return { path: basePath, httpOnly: true, sameSite: 'Strict', secure: isSecure } as const;
}

/** Browsers tell cookies of one host apart by name alone, and two Longhauls may have two of its ports. */
function toName(context: Context): string {
  const { port } = new URL(context.req.url);
  return port === '' ? 'longhaul_sign_in' : `longhaul_sign_in_${port}`;
}
