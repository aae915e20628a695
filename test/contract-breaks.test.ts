import { describe, expect, it } from 'vitest';
import { createApiDocument } from '../scripts/api-document.ts';
import { findBreaks } from '../scripts/contract-breaks.ts';
import type { ApiDocument } from '../src/api/openapi/document.ts';

const document = createApiDocument();

/** Returns the document with one change. */
function change(edit: (changed: Changeable) => void): ApiDocument {
  const changed = structuredClone(document) as unknown as Changeable;
  edit(changed);
  return changed as unknown as ApiDocument;
}

interface Changeable {
  // oxlint-disable-next-line typescript/no-explicit-any -- an edit may change any part
  paths: Record<string, Record<string, any>>;
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  components: { schemas: Record<string, any>; responses: Record<string, any> };
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  webhooks: Record<string, any>;
}

/** Removes a value from every list of values in a part of the document. */
function narrow(part: object, value: string): void {
  for (const inner of Object.values(part) as unknown[]) {
    if (Array.isArray(inner) && inner.includes(value)) inner.splice(inner.indexOf(value), 1);
    if (typeof inner === 'object' && inner !== null) narrow(inner, value);
  }
}

describe('a change of the contract', () => {
  const breaking: [string, RegExp, (changed: Changeable) => void][] = [
    ['an operation that is gone', /^GET \/v1\/runs is gone$/, ({ paths }) => delete paths['/v1/runs']!['get']],
    [
      'another name of an operation',
      /^GET \/v1\/runs: the operationId listRuns is gone$/,
      ({ paths }) => (paths['/v1/runs']!['get'].operationId = 'getRuns'),
    ],
    [
      'another path of an operation',
      /^GET \/v1\/runs\/\{id\} is gone$/,
      ({ paths }) => {
        paths['/v1/runs/{runId}'] = paths['/v1/runs/{id}']!;
        delete paths['/v1/runs/{id}'];
      },
    ],
    [
      'another type in an answer',
      /^GET \/v1\/runs\/\{id\}: the answer 200, costUsd: was number, is string$/,
      ({ components }) => (components.schemas['Run'].properties.costUsd.type = 'string'),
    ],
    [
      'another format in an answer',
      /the answer 200, createdAt: was of the format date-time, is none/,
      ({ components }) => delete components.schemas['Run'].properties.createdAt.format,
    ],
    [
      'another media type of an answer',
      /GET \/v1\/stream: the answer 200 is no text\/event-stream any more/,
      ({ paths }) => delete paths['/v1/stream']!['get'].responses['200'].content['text/event-stream'],
    ],
    [
      'a field of a value under any name',
      /answer 200, modelUsage, its values: the field costUsd is gone/,
      ({ components }) =>
        delete components.schemas['Run'].properties.modelUsage.additionalProperties.properties.costUsd,
    ],
    [
      'a field within a field of an answer',
      /the answer 200, links: the field events is gone/,
      ({ components }) => delete components.schemas['Run'].properties.links.properties.events,
    ],
    [
      'a value that a request may no longer have',
      /POST \/v1\/approvals\/\{id\}: the body.*decision.*: the value deny is gone/,
      ({ components }) => narrow(components.schemas['Decision'], 'deny'),
    ],
    [
      'a value that an address may no longer have',
      /^GET \/v1\/runs: the parameter status: the value waiting is gone$/,
      ({ paths }) => narrow(paths['/v1/runs']!['get'].parameters, 'waiting'),
    ],
    [
      'a parameter that is now required',
      /^GET \/v1\/runs: the parameter agent is required now$/,
      ({ paths }) =>
        (paths['/v1/runs']!['get'].parameters.find(({ name }: { name: string }) => name === 'agent').required = true),
    ],
    [
      'a body that is now required',
      /POST \/v1\/runs\/\{id\}\/cancel: a body is required now/,
      ({ paths }) => (paths['/v1/runs/{id}/cancel']!['post'].requestBody = paths['/v1/runs']!['post'].requestBody),
    ],
    [
      'a pattern that a request must now match',
      /user: pattern is \^a now/,
      ({ components }) => (components.schemas['Submission'].properties.user.pattern = '^a'),
    ],
    [
      'a removed authentication scheme',
      /^POST \/v1\/runs: userToken is no longer accepted$/,
      ({ paths }) => paths['/v1/runs']!['post'].security.pop(),
    ],
    [
      'a removed field of an answer',
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
      'a removed value of an answer',
      /status: the value waiting is gone/,
      ({ components }) => components.schemas['Run'].properties.status.enum.splice(2, 1),
    ],
    [
      'a removed type of event',
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
      'a removed field of an event',
      /AgentTextEvent, data: the field blockId is gone/,
      ({ components }) => delete components.schemas['AgentTextEvent'].properties.data.properties.blockId,
    ],
    [
      'a field that a request must now have',
      /^POST \/v1\/runs: the body: the field user is required now$/,
      ({ components }) => components.schemas['Submission'].required.push('user'),
    ],
    [
      'a field that a request may no longer have',
      /the field priority is no longer accepted/,
      ({ components }) => delete components.schemas['Submission'].properties.priority,
    ],
    [
      'a lower limit in a request',
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
      'a removed parameter',
      /GET \/v1\/runs: the parameter \w+ is gone/,
      ({ paths }) => paths['/v1/runs']!['get'].parameters.splice(0, 1),
    ],
    [
      'a scope that is now required',
      /GET \/v1\/agents: apiKey needs the scope admin now/,
      ({ paths }) => (paths['/v1/agents']!['get'].security = [{ apiKey: ['admin'] }, { userToken: ['admin'] }]),
    ],
    [
      'a removed header',
      /POST \/v1\/runs: the answer 202 has no header Location any more/,
      ({ paths }) => delete paths['/v1/runs']!['post'].responses['202'].headers.Location,
    ],
    [
      'a removed code',
      /code: the value session_busy is gone/,
      ({ components }) =>
        components.responses['Problem409'].content[
          'application/problem+json'
        ].schema.allOf[1].properties.code.enum.pop(),
    ],
    ['a webhook that is gone', /^POST run.failed is gone$/, ({ webhooks }) => delete webhooks['run.failed']],
    [
      'a removed field of a webhook',
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
