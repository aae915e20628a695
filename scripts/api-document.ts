import { createApi } from '../src/api/api.ts';
import type { Api } from '../src/api/api-deps.ts';
import { describeApi } from '../src/api/openapi/describe-api.ts';
import type { ApiDocument } from '../src/api/openapi/document.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import { createLog } from '../src/core/log.ts';
import { VERSION } from '../src/version.ts';

/** The API with nothing behind it, to look at its routes: none can be asked anything. */
export function createEmptyApi(): Api {
  const absent = null as never;
  const config = resolveConfig({
    input: { agents: { reader: { tools: [] } }, limits: { perUser: { runsPerMinute: false } } },
    baseDir: '/',
    env: {},
  });
  const deps = { access: absent, database: absent, queue: absent, hub: absent };
  return createApi({ ...deps, config, version: VERSION, basePath: '/', log: createLog('error') });
}

/** The OpenAPI document of the API as the code has it. */
export function createApiDocument(): ApiDocument {
  return JSON.parse(JSON.stringify(describeApi(createEmptyApi(), VERSION))) as ApiDocument;
}

/** As `docs/openapi.json` has it. */
export function toDocumentText(document: ApiDocument): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
