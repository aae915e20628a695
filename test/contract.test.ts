import { createConfig, lintFromString } from '@redocly/openapi-core';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createApiDocument, toDocumentText } from '../scripts/api-document.ts';
import { findBreaks } from '../scripts/contract-breaks.ts';
import { findOperations, type ApiDocument } from '../src/api/openapi/document.ts';
import { NO_EXAMPLE } from '../src/api/openapi/to-example.ts';
import { ROUTE_ACCESS } from '../src/api/route-access.ts';

const written = readFileSync(new URL('../docs/openapi.json', import.meta.url), 'utf8');
const document = createApiDocument();

/** The document with one thing in it changed. */
function change(edit: (changed: Changeable) => void): ApiDocument {
  const changed = structuredClone(document) as unknown as Changeable;
  edit(changed);
  return changed as unknown as ApiDocument;
}

interface Changeable {
  // oxlint-disable-next-line typescript/no-explicit-any -- an edit reaches into it anywhere
  paths: Record<string, Record<string, any>>;
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  components: { schemas: Record<string, any>; responses: Record<string, any> };
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  webhooks: Record<string, any>;
}

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
      expect(operation.operationId, `${place}: src/api/openapi/operations.ts`).toBeDefined();
      expect(operation.tags, place).toHaveLength(1);
      const bodies = [operation.requestBody, ...Object.values(operation.responses ?? {})];
      const media = bodies.flatMap((body) =>
        Object.values((body?.content ?? {}) as Record<string, { example?: unknown }>),
      );
      for (const one of media) expect(one, place).toHaveProperty('example');
      expect(JSON.stringify(media.map(({ example }) => example)), place).not.toContain(NO_EXAMPLE);
    }
  });

  it('says of every route that needs a key which scope it needs', () => {
    for (const { method, path, operation } of findOperations(document)) {
      if (!path.startsWith('/v1/')) continue;
      const access = ROUTE_ACCESS[`${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`];
      expect(access, `${method} ${path}: src/api/route-access.ts`).toBeDefined();
      expect(operation.security?.length, path).toBeGreaterThan(0);
    }
  });

  it('is the one in docs/openapi.json, and breaks nothing that it had promised', () => {
    const breaks = findBreaks(JSON.parse(written) as ApiDocument, document);
    expect(breaks, 'clients would break; if it is meant: npm run docs -- --breaking, and CHANGELOG.md').toEqual([]);
    expect(toDocumentText(document) === written, 'run: npm run docs').toBe(true);
  });
});

describe('a change of the contract', () => {
  const breaking: [string, RegExp, (changed: Changeable) => void][] = [
    ['an operation that is gone', /^GET \/v1\/runs is gone$/, ({ paths }) => delete paths['/v1/runs']!['get']],
    [
      'a field of an answer that is gone',
      /^GET \/v1\/runs\/\{id\}: the answer 200: the field costUsd is gone$/,
      ({ components }) => delete components.schemas['Run'].properties.costUsd,
    ],
    [
      'a field of an answer that may be left out',
      /the field costUsd may be left out now/,
      ({ components }) =>
        components.schemas['Run'].required.splice(components.schemas['Run'].required.indexOf('costUsd'), 1),
    ],
    [
      'a field of an answer that may be null',
      /costUsd: was number, is number or null/,
      ({ components }) => (components.schemas['Run'].properties.costUsd.type = ['number', 'null']),
    ],
    [
      'a value of an answer that is gone',
      /status: the value waiting is gone/,
      ({ components }) => components.schemas['Run'].properties.status.enum.splice(2, 1),
    ],
    [
      'a type of event that is gone',
      /AgentTextEvent is gone/,
      ({ components }) => {
        const { oneOf } = components.schemas['Event'];
        oneOf.splice(
          oneOf.findIndex(({ $ref }: { $ref: string }) => $ref.endsWith('/AgentTextEvent')),
          1,
        );
      },
    ],
    [
      'a field of an event that is gone',
      /AgentTextEvent, data: the field blockId is gone/,
      ({ components }) => delete components.schemas['AgentTextEvent'].properties.data.properties.blockId,
    ],
    [
      'a field that a request has to have now',
      /^POST \/v1\/runs: the body: the field user is required now$/,
      ({ components }) => components.schemas['Submission'].required.push('user'),
    ],
    [
      'a field that a request may not have any more',
      /the field priority is not taken any more/,
      ({ components }) => delete components.schemas['Submission'].properties.priority,
    ],
    [
      'less room in a request',
      /user: maxLength was 200, is 100/,
      ({ components }) => (components.schemas['Submission'].properties.user.maxLength = 100),
    ],
    [
      'another type in a request',
      /priority: was integer, is string/,
      ({ components }) => (components.schemas['Submission'].properties.priority.type = 'string'),
    ],
    [
      'another status',
      /POST \/v1\/runs: the answer 202 is gone/,
      ({ paths }) => {
        const { responses } = paths['/v1/runs']!['post'];
        responses['200'] = responses['202'];
        delete responses['202'];
      },
    ],
    [
      'a parameter that is gone',
      /GET \/v1\/runs: the parameter status is gone/,
      ({ paths }) => paths['/v1/runs']!['get'].parameters.splice(0, 1),
    ],
    [
      'a scope that is needed now',
      /GET \/v1\/agents: apiKey needs the scope admin now/,
      ({ paths }) => (paths['/v1/agents']!['get'].security = [{ apiKey: ['admin'] }, { userToken: ['admin'] }]),
    ],
    [
      'a header that is gone',
      /POST \/v1\/runs: the answer 202 has no header Location any more/,
      ({ paths }) => delete paths['/v1/runs']!['post'].responses['202'].headers.Location,
    ],
    [
      'a code that is gone',
      /code: the value session_busy is gone/,
      ({ components }) =>
        components.responses['Problem409'].content[
          'application/problem+json'
        ].schema.allOf[1].properties.code.enum.pop(),
    ],
    ['a webhook that is gone', /^POST run.failed is gone$/, ({ webhooks }) => delete webhooks['run.failed']],
    [
      'a field of a webhook that is gone',
      /POST run.failed: the body, data, run: the field error is gone/,
      ({ components }) => delete components.schemas['WebhookRun'].properties.error,
    ],
  ];

  it.each(breaking)('breaks it: %s', (_, line, edit) => {
    const breaks = findBreaks(document, change(edit));
    expect(breaks).toEqual(expect.arrayContaining([expect.stringMatching(line)]));
  });

  const additions: [string, (changed: Changeable) => void][] = [
    ['an operation', ({ paths }) => (paths['/v1/more'] = structuredClone(paths['/v1/runs']!))],
    ['a field of answers', ({ components }) => (components.schemas['Run'].properties.more = { type: 'string' })],
    ['a value of answers', ({ components }) => components.schemas['Run'].properties.status.enum.push('paused')],
    ['a field that requests may have', ({ components }) => (components.schemas['Submission'].properties.more = {})],
    ['more room', ({ components }) => (components.schemas['Submission'].properties.user.maxLength = 300)],
    ['other words', ({ components }) => (components.schemas['Run'].properties.costUsd.description = 'Other words.')],
  ];

  it.each(additions)('breaks nothing: %s', (_, edit) => {
    expect(findBreaks(document, change(edit))).toEqual([]);
  });
});
