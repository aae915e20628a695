import type { Context } from 'hono';
import { findRights } from '../../access/oidc/find-rights.ts';
import { readName } from '../../access/oidc/claims.ts';
import { createOidcProvider } from '../../access/oidc/oidc-provider.ts';
import { ensurePersonKey } from '../../access/oidc/person-key.ts';
import { SignInFailure } from '../../access/oidc/sign-in-failure.ts';
import { beginSignIn } from '../../access/sign-ins.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { setFlowCookie, takeFlowCookie } from '../oidc-cookie.ts';
import { isFromOtherOrigin, isSecure, setSignInCookie } from '../sign-in-cookie.ts';

const MAX_PAGE_LENGTH = 1_500;

/**
 * Adds the two addresses of the sign-in with OpenID Connect. A browser opens both, so both answer with a redirect to the
 * dashboard, also when the sign-in failed: the page has words for the reason, and the log has the details.
 */
export function addOidcRoutes(api: Api, { config, database, basePath, log }: ApiDeps): void {
  const { dashboard } = config;
  if (dashboard === null || dashboard.oidc === null) return;
  const { oidc, path } = dashboard;
  const provider = createOidcProvider(oidc);
  const base = basePath.replaceAll(/^\/+|\/+$/g, '');
  const pages = `${base === '' ? '' : `/${encodeURI(base)}`}${path}`;
  const place = `${pages}/sign-in`;

  api.get(`${path}/sign-in/oidc`, (context) =>
    redirecting(context, async () => {
      // Else a page of another origin could fill the browser with cookies.
      if (isFromOtherOrigin(context)) return `${pages}/`;
      const { url, flow } = await provider.begin(toRedirectUri(context));
      setFlowCookie(context, place, { ...flow, to: toOwnPage(context.req.query('to') ?? '', pages) });
      return url.href;
    }),
  );

  api.get(`${path}/sign-in/callback`, (context) =>
    redirecting(context, async () => {
      const flow = takeFlowCookie(context, place, context.req.query('state') ?? '');
      if (flow === null) throw new SignInFailure('expired', 'The browser has no sign-in with this state.');
      const query = new URL(context.req.url).search;
      const claims = await provider.finish({ redirectUri: toRedirectUri(context), query, flow });
      const subject = `${oidc.issuer} ${String(claims['sub'])}`;
      const rights = findRights(oidc, claims);
      const keyId = await ensurePersonKey(database, { subject, name: readName(claims), rights });
      const begun = await beginSignIn(database, { keyId, lastsMs: oidc.signedInMs });
      // The browser does not send this cookie before the dashboard's page makes its own requests: it is `Strict`, and
      // the provider's site began this navigation. The page itself needs no cookie.
      setSignInCookie(context, { ...begun, basePath });
      return toOwnPage(flow.to, pages);
    }),
  );

  async function redirecting(context: Context, work: () => Promise<string>): Promise<Response> {
    try {
      return context.redirect(await work(), 303);
    } catch (err) {
      const reason = err instanceof SignInFailure ? err.reason : 'failed';
      log.warn({ err, reason, issuer: oidc.issuer }, 'a sign-in with OpenID Connect failed');
      return context.redirect(`${pages}/#sign-in-failed=${reason}`, 303);
    }
  }

  function toRedirectUri(context: Context): string {
    const { protocol, host } = new URL(context.req.url);
    const origin = oidc.publicOrigin ?? `${isSecure(context) ? 'https:' : protocol}//${host}`;
    return `${origin}${place}/callback`;
  }
}

/** Returns the page to open, if it is one of the dashboard's; else the first page. The browser sent it. */
function toOwnPage(to: string, pages: string): string {
  const first = `${pages}/`;
  if (to.length > MAX_PAGE_LENGTH || !URL.canParse(to, 'http://own.invalid')) return first;
  const { origin, pathname, search } = new URL(to, 'http://own.invalid');
  const isOwn = origin === 'http://own.invalid' && pathname.startsWith(first) && !pathname.startsWith('//');
  return isOwn ? `${pathname}${search}` : first;
}
