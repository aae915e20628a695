import { openAssets, type Assets } from './assets.ts';
import { createPage } from './page.ts';

interface DashboardOptions {
  /** Path of its pages below `basePath`, without a slash at its end. */
  readonly path: string;
  /** Path of Longhaul on its server. */
  readonly basePath: string;
  /** Name of the OpenID Connect provider; null when people sign in with API keys only. */
  readonly oidcTitle: string | null;
}

/** Serves the dashboard's page and its assets. The page gets its data from the API. */
export interface Dashboard {
  /** Responds to a browser that opens a page; null for other requests. */
  openPage(request: Request): Promise<Response | null>;
  /** Responds to a request for a file; null when there is no such file. */
  serveAsset(request: Request, name: string): Promise<Response | null>;
}

/** Caches for a year: a file's name contains the hash of its content. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/** Creates the dashboard. It reads no files, and in a checkout builds none, before the first request. */
export function createDashboard({ path, basePath, oidcTitle }: DashboardOptions): Dashboard {
  const base = basePath.replaceAll(/^\/+|\/+$/g, '');
  const apiPath = base === '' ? '' : `/${encodeURI(base)}`;
  let opening: Promise<Assets> | null = null;
  const open = () => (opening ??= openAssets().catch(forget));

  function forget(error: unknown): never {
    opening = null;
    throw error;
  }

  return {
    async openPage(request) {
      const { pathname } = new URL(request.url);
      if (!isBelow(pathname, path) || !wantsPage(request)) return null;
      const { manifest } = await open();
      const { html, contentSecurityPolicy } = createPage({ manifest, path: `${apiPath}${path}`, apiPath, oidcTitle });
      return new Response(request.method === 'HEAD' ? null : html, {
        headers: {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': contentSecurityPolicy,
          vary: 'Accept',
        },
      });
    },
    async serveAsset(request, name) {
      const asset = await (await open()).read(name, request.headers.get('accept-encoding') ?? '');
      if (asset === null) return null;
      return new Response(asset.body, {
        headers: {
          'content-type': asset.type,
          'cache-control': FOR_EVER,
          vary: 'Accept-Encoding',
          ...(asset.encoding !== null && { 'content-encoding': asset.encoding }),
        },
      });
    },
  };
}

function isBelow(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(`${path}/`);
}

/** Returns whether a browser opens an address. Programs get the API's error instead of a page. */
function wantsPage({ method, headers }: Request): boolean {
  return (method === 'GET' || method === 'HEAD') && (headers.get('accept') ?? '').includes('text/html');
}
