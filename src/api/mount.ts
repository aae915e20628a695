/** Normalizes a path to a prefix: with a slash at its beginning and none at its end; empty for none. */
export function toBasePath(path: string): string {
  const bare = path.replaceAll(/^\/+|\/+$/g, '');
  return bare === '' ? '' : `/${bare}`;
}

type Handle<Bindings> = (request: Request, bindings?: Bindings) => Response | Promise<Response>;

/**
 * Serves the API below a path, such as `/api/longhaul`. Also serves requests whose URL no longer has the path, as under
 * Express's `app.use` and Hono's `app.mount`.
 */
export function mountAt<Bindings>(basePath: string, handle: Handle<Bindings>): Handle<Bindings> {
  const base = toBasePath(basePath);
  if (base === '') return handle;
  return async (request, bindings) => {
    const url = new URL(request.url);
    const isBelow = url.pathname === base || url.pathname.startsWith(`${base}/`);
    if (isBelow) url.pathname = url.pathname.slice(base.length);
    const response = await handle(isBelow ? new Request(url, request) : request, bindings);
    const location = response.headers.get('location');
    if (location?.startsWith('/v1/')) response.headers.set('location', `${base}${location}`);
    return response;
  };
}
