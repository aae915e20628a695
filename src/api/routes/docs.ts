import type { Api, ApiDeps } from '../api-deps.ts';
import { describeApi } from '../openapi/describe-api.ts';
import { createDocsPage } from '../docs-page/create-docs-page.ts';

/**
 * Adds the API description, for programs and for people. Call it after all other routes are added: it describes them.
 */
export function addDocsRoutes(api: Api, { config, version }: Pick<ApiDeps, 'config' | 'version'>): void {
  const describe = once(() => describeApi(api, version, config.http.basePath));
  const makePage = once(() => createDocsPage(describe()));

  api.get('/openapi.json', (context) => context.json(describe()));
  api.get('/docs', (context) => {
    const { html, contentSecurityPolicy } = makePage();
    return context.html(html, 200, { 'content-security-policy': contentSecurityPolicy });
  });
}

/** Creates the value when it is first requested, because most servers never receive such a request. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
