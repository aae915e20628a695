import { createApi } from '../src/api/api.ts';
import { describeApi } from '../src/api/openapi/describe-api.ts';
import type { ApiDocument } from '../src/api/openapi/document.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import { createLog } from '../src/core/log.ts';
import { VERSION } from '../src/version.ts';

/** The OpenAPI document of the API as the code has it, made without a database: nothing is asked of the routes. */
export function createApiDocument(): ApiDocument {
  const absent = null as never;
  const config = resolveConfig({
    input: { agents: { reader: { tools: [] } }, limits: { perUser: { runsPerMinute: false } } },
    baseDir: '/',
    env: {},
  });
  const deps = { access: absent, database: absent, queue: absent, hub: absent };
  const api = createApi({ ...deps, config, version: VERSION, log: createLog('error') });
  return JSON.parse(JSON.stringify(describeApi(api, VERSION))) as ApiDocument;
}

/** As `docs/openapi.json` has it. */
export function toDocumentText(document: ApiDocument): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
