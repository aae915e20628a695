import type { Api, ApiDeps } from '../api-deps.ts';
import { describeApi } from '../openapi/describe-api.ts';
import { createDocsPage } from '../docs-page/create-docs-page.ts';

/** The contract, for programs and for people. To be called behind all other routes: it describes those there are. */
export function addDocsRoutes(api: Api, { config, version }: Pick<ApiDeps, 'config' | 'version'>): void {
  const describe = once(() => describeApi(api, version, config.http.basePath));
  const makePage = once(() => createDocsPage(describe()));

  api.get('/openapi.json', (context) => context.json(describe()));
  api.get('/docs', (context) => {
    const { html, contentSecurityPolicy } = makePage();
    return context.html(html, 200, { 'content-security-policy': contentSecurityPolicy });
  });
}

/** Made when it is first asked for: most servers never are. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
