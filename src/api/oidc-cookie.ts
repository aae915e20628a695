import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { OidcFlow } from '../access/oidc/oidc-provider.ts';
import { isSecure } from './sign-in-cookie.ts';

/** Seconds that a person may take at the provider. */
const LASTS_SECONDS = 600;

interface KeptFlow extends OidcFlow {
  /** Page to open after the sign-in, as the browser sent it. */
  readonly to: string;
}

/**
 * Keeps what a sign-in at the provider needs, in the browser: a server that stored it would store something for every
 * visitor. The cookie is `Lax`, because the provider sends the browser back from another site, and `Strict` cookies
 * stay away from such a request. Each sign-in has its own, so that two tabs do not disturb each other.
 */
export function setFlowCookie(context: Context, path: string, flow: KeptFlow): void {
  const value = Buffer.from(JSON.stringify(flow)).toString('base64url');
  setCookie(context, toName(flow.state), value, { ...toAttributes(context, path), maxAge: LASTS_SECONDS });
}

/** Takes the sign-in with this state out of the browser; null when the browser has none. */
export function takeFlowCookie(context: Context, path: string, state: string): KeptFlow | null {
  if (!/^[\w-]{1,100}$/.test(state)) return null;
  const value = getCookie(context, toName(state));
  if (value === undefined) return null;
  deleteCookie(context, toName(state), toAttributes(context, path));
  try {
    const flow = JSON.parse(Buffer.from(value, 'base64url').toString()) as Readonly<Record<keyof KeptFlow, unknown>>;
    const { nonce, verifier, to } = flow;
    const isWhole = typeof nonce === 'string' && typeof verifier === 'string' && typeof to === 'string';
    return isWhole && flow.state === state ? { state, nonce, verifier, to } : null;
  } catch {
    return null;
  }
}

function toAttributes(context: Context, path: string) {
  return { path, httpOnly: true, sameSite: 'Lax', secure: isSecure(context) } as const;
}

function toName(state: string): string {
  return `longhaul_oidc_${state}`;
}
