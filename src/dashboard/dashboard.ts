import { openAssets, type Assets } from './assets.ts';
import { createPage } from './page.ts';

interface DashboardOptions {
  /** Where its pages are, below where Longhaul is, without a slash at its end. */
  readonly path: string;
  /** Where Longhaul is, below the address of its server. */
  readonly basePath: string;
}

/** The dashboard's own files over HTTP: a page, and what it is made of. What it shows comes from the API. */
export interface Dashboard {
  /** Answers a browser that opens a page; null: it asks for something else. */
  openPage(request: Request): Promise<Response | null>;
  /** Answers a request for a file. */
  serveAsset(request: Request, name: string): Promise<Response | null>;
}

/** A year: a file's name has the hash of what is in it. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/** Nothing is read, and in a checkout nothing built, before somebody asks for a page. */
export function createDashboard({ path, basePath }: DashboardOptions): Dashboard {
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
      const { html, contentSecurityPolicy } = createPage({ manifest, path: `${apiPath}${path}`, apiPath });
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

/** Whether it is a browser that goes to an address, and not a program: that is told what is wrong with it. */
function wantsPage({ method, headers }: Request): boolean {
  return (method === 'GET' || method === 'HEAD') && (headers.get('accept') ?? '').includes('text/html');
}
