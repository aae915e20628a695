import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { LonghaulError } from '../core/errors.ts';

/** Header that the dashboard sends with each request. A page of another origin cannot send it unless CORS allows it. */
export const DASHBOARD_HEADER = 'x-longhaul-dashboard';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * Reads the secret of the sign-in from a request's cookie; null without a cookie.
 * @throws {LonghaulError} `forbidden` when the request may come from another page than the dashboard: the browser adds
 * the cookie to the requests of every page.
 */
export function readSignInCookie(context: Context): string | null {
  const secret = getCookie(context, toName(context));
  if (secret === undefined || secret === '') return null;
  checkOrigin(context);
  const isMarked = SAFE_METHODS.has(context.req.method) || context.req.header(DASHBOARD_HEADER) !== undefined;
  if (!isMarked || context.req.header('upgrade') !== undefined) {
    throw new LonghaulError('forbidden', {
      message: `A sign-in is valid only for requests of the dashboard, which have the header ${DASHBOARD_HEADER}. Send an API key.`,
    });
  }
  return secret;
}

/**
 * Rejects requests that a page of another origin made. `same-site` is another origin too: another port of this host.
 * @throws {LonghaulError} `forbidden`
 */
export function checkOrigin(context: Context): void {
  if (!isFromOtherOrigin(context)) return;
  throw new LonghaulError('forbidden', {
    message: `The request comes from a page of another origin (Sec-Fetch-Site: ${context.req.header('sec-fetch-site')}).`,
  });
}

/** Returns whether a page of another origin made the request, as browsers report it. */
export function isFromOtherOrigin(context: Context): boolean {
  const site = context.req.header('sec-fetch-site');
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

interface CookieOptions {
  /** Path of Longhaul on its server. */
  readonly basePath: string;
}

/** Sets a cookie with the secret. No script can read it, and only pages of this origin send it. */
export function setSignInCookie(
  context: Context,
  { secret, expiresAt, basePath }: CookieOptions & { secret: string; expiresAt: Date },
): void {
  setCookie(context, toName(context), secret, { ...toAttributes(context, basePath), expires: expiresAt });
}

/** Deletes the cookie. */
export function clearSignInCookie(context: Context, { basePath }: CookieOptions): void {
  deleteCookie(context, toName(context), toAttributes(context, basePath));
}

function toAttributes(context: Context, basePath: string) {
  return { path: basePath, httpOnly: true, sameSite: 'Strict', secure: isSecure(context) } as const;
}

/**
 * Returns whether the browser's connection is encrypted. Behind a proxy that ends TLS the request itself is plain. A
 * client that forges the header harms only itself.
 */
export function isSecure(context: Context): boolean {
  return new URL(context.req.url).protocol === 'https:' || context.req.header('x-forwarded-proto')?.trim() === 'https';
}

/** Includes the port: browsers share cookies between the ports of a host, and two may each run a Longhaul. */
function toName(context: Context): string {
  const { port } = new URL(context.req.url);
  return port === '' ? 'longhaul_sign_in' : `longhaul_sign_in_${port}`;
}
