import { createApi } from '../src/api/api.ts';
import type { Api } from '../src/api/api-deps.ts';
import { describeApi } from '../src/api/openapi/describe-api.ts';
import type { ApiDocument } from '../src/api/openapi/document.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import { createLog } from '../src/core/log.ts';
import { VERSION } from '../src/version.ts';

/** Creates the API without its dependencies, only to read its routes: it cannot answer requests. */
export function createEmptyApi(): Api {
  const absent = null as never;
  const config = resolveConfig({
    input: { agents: { reader: { tools: [] } }, limits: { perUser: { runsPerMinute: false } } },
    baseDir: '/',
    env: {},
  });
  const deps = { access: absent, database: absent, queue: absent, hub: absent, metrics: absent };
  return createApi({ ...deps, config, version: VERSION, basePath: '/', log: createLog('error') });
}

/** Returns the OpenAPI document of the API according to the code. */
export function createApiDocument(): ApiDocument {
  return JSON.parse(JSON.stringify(describeApi(createEmptyApi(), VERSION))) as ApiDocument;
}

/** Returns the document in the form of `docs/openapi.json`. */
export function toDocumentText(document: ApiDocument): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
