import { createConfig, lintFromString } from '@redocly/openapi-core';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createApiDocument, createEmptyApi, toDocumentText } from '../scripts/api-document.ts';
import { findBreaks } from '../scripts/contract-breaks.ts';
import { findOperations, type ApiDocument } from '../src/api/openapi/document.ts';
import { NO_EXAMPLE } from '../src/api/openapi/to-example.ts';
import { ROUTES } from '../src/api/routes.ts';

const written = readFileSync(new URL('../docs/openapi.json', import.meta.url), 'utf8');
const document = createApiDocument();

describe('the OpenAPI document', () => {
  it('has no fault that a linter finds, and examples that its schemas accept', async () => {
    const config = await createConfig({
      extends: ['recommended-strict'],
      rules: {
        'operation-description': 'off',
        'operation-operationId': 'error',
        'operation-singular-tag': 'error',
        'operation-tag-defined': 'error',
        'tag-description': 'error',
        'no-invalid-schema-examples': 'error',
        'no-invalid-media-type-examples': 'error',
        'no-invalid-parameter-examples': 'error',
      },
    });
    const problems = await lintFromString({ source: toDocumentText(document), config });
    expect(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`)).toEqual(
      [],
    );
  });

  it('has a name, a group, an answer and an example of every body for every operation', () => {
    for (const { method, path, operation } of findOperations(document)) {
      const place = `${method} ${path}`;
      expect(operation.operationId, place).toBeDefined();
      expect(operation.tags, place).toHaveLength(1);
      const bodies = [operation.requestBody, ...Object.values(operation.responses ?? {})];
      const media = bodies.flatMap((body) =>
        Object.values((body?.content ?? {}) as Record<string, { example?: unknown }>),
      );
      for (const one of media) expect(one, place).toHaveProperty('example');
      expect(JSON.stringify(media.map(({ example }) => example)), place).not.toContain(NO_EXAMPLE);
    }
  });

  it('has exactly the declared routes, as has the API', () => {
    const routes = new Set(
      createEmptyApi()
        .routes.filter(({ method }) => method !== 'ALL')
        .map(({ method, path }) => `${method} ${path}`),
    );
    // Routes that describe the contract are not part of it, nor are the dashboard's own files.
    for (const route of ['GET /openapi.json', 'GET /docs', 'GET /assets/:name'])
      expect(routes.delete(route)).toBe(true);
    expect(ROUTES.map(({ method, pattern }) => `${method} ${pattern}`).toSorted()).toEqual([...routes].toSorted());
    const described = findOperations(document).map(({ operation }) => operation.operationId);
    expect(described).toHaveLength(ROUTES.length);
    expect(new Set(described)).toEqual(new Set(ROUTES.map(({ operationId }) => operationId)));
  });

  it('describes every parameter', () => {
    for (const { method, path, operation } of findOperations(document)) {
      for (const parameter of operation.parameters ?? []) {
        expect(parameter, `${method} ${path}: src/api/openapi/parameters.ts`).toHaveProperty('description');
      }
    }
  });

  it('names the scope of every route that needs a key', () => {
    const access = new Map(ROUTES.map((route) => [route.operationId, route.access]));
    for (const { path, operation } of findOperations(document)) {
      expect(operation.security?.length === 0, path).toBe(access.get(operation.operationId ?? '') === 'everyone');
    }
  });

  it('equals docs/openapi.json, and breaks no earlier promise', () => {
    const breaks = findBreaks(JSON.parse(written) as ApiDocument, document);
    expect(breaks, 'clients would break; if it is meant: npm run docs -- --breaking, and CHANGELOG.md').toEqual([]);
    expect(toDocumentText(document) === written, 'run: npm run docs').toBe(true);
  });
});
