import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';
import type { Api } from './api-deps.ts';
import { describeApi } from './openapi/describe-api.ts';
import { findOperations, resolveRef, type ApiDocument } from './openapi/document.ts';

/** Answers of tests, held to the OpenAPI document. */
interface Contract {
  /**
   * Fails when an answer is not what the document says: its status, media type, headers and every field of its body; or
   * when a body was taken that the document does not allow.
   */
  check(request: Sent, response: Response): Promise<void>;
}

interface Sent {
  readonly method: string;
  readonly url: string;
  /** To be read when it was taken; null without one. */
  readonly body: Request | null;
}

interface Answer {
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

const shared = new Map<string, Contract>();

/** The contract of an API. Apis of one test file have the same routes: it is read once. */
function readContract(api: Api): Contract {
  const document = JSON.parse(JSON.stringify(describeApi(api, '0.0.0'))) as ApiDocument;
  const key = Object.keys(document.paths ?? {}).join();
  const contract = shared.get(key) ?? createContract(document);
  shared.set(key, contract);
  return contract;
}

/**
 * Checks every request to an API from now on: one that is answered otherwise than its document says fails, and is
 * noted.
 */
export function holdToContract(api: Api, failures: unknown[]): void {
  const contract = readContract(api);
  const { fetch } = api;
  api.fetch = async (request, ...rest) => {
    const { method, url } = request;
    const body = request.headers.get('content-type')?.startsWith('application/json') ? request.clone() : null;
    const response = await fetch(request, ...rest);
    try {
      await contract.check({ method, url, body }, response);
    } catch (error) {
      failures.push(error);
      throw error;
    }
    return response;
  };
}

function createContract(document: ApiDocument): Contract {
  const ajv = new Ajv2020({ strict: false, allErrors: true, discriminator: false });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema({ $id: 'api', ...closed(document) });
  const operations = findOperations(document).map((found) => ({
    ...found,
    pattern: new RegExp(`^${found.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }));
  const validators = new Map<string, ValidateFunction>();

  function validate(pointer: string, value: unknown): string[] {
    const known = validators.get(pointer) ?? ajv.compile({ $ref: `api#${pointer}` });
    validators.set(pointer, known);
    if (known(value)) return [];
    return (known.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }

  return {
    async check({ method, url, body: sent }, response) {
      const { pathname } = new URL(url, 'http://localhost');
      const place = `${method} ${pathname} answered ${response.status}`;
      // Literal addresses before those with a name in them, as the routes are.
      const found = operations
        .filter(
          (operation) => operation.method === (method === 'HEAD' ? 'GET' : method) && operation.pattern.test(pathname),
        )
        .toSorted((a, b) => a.path.split('{').length - b.path.split('{').length)[0];
      const type = response.headers.get('content-type')?.split(';')[0] ?? '';
      if (found === undefined) {
        // Nothing is there, or it does not take the method.
        if (!response.ok && method !== 'HEAD' && type === 'application/problem+json') {
          const errors = validate('/components/schemas/Problem', await response.clone().json());
          expect(errors, place).toEqual([]);
        }
        return;
      }
      const answers = found.operation.responses as Record<string, object>;
      const named = answers[String(response.status)];
      expect(Object.keys(answers), `${place}, which its description does not have`).toContain(String(response.status));
      const { content = {}, headers = {} } = resolveRef(document, named ?? {}) as Answer;
      if (response.body === null && response.status < 300) return; // A HEAD, or a WebSocket that is over.
      expect(Object.keys(content), `${place} as ${type}`).toContain(type);
      for (const name of Object.keys(headers).filter((name) => !SOMETIMES.has(name))) {
        expect(response.headers.has(name), `${place} without ${name}`).toBe(true);
      }
      const at = `/paths/${escape(found.path)}/${found.method.toLowerCase()}`;
      if (response.ok && sent !== null && found.operation.requestBody !== undefined) {
        const errors = validate(`${at}/requestBody/content/${escape('application/json')}/schema`, await sent.json());
        expect(errors, `${place}, though its description does not allow the body`).toEqual([]);
      }
      if (type === 'text/event-stream' || method === 'HEAD') return;
      const { $ref } = named as { $ref?: string };
      const base = $ref?.slice(1) ?? `${at}/responses/${response.status}`;
      const body: unknown = await response.clone().json();
      expect(
        validate(`${base}/content/${escape(type)}/schema`, body),
        `${place}: ${JSON.stringify(body).slice(0, 1_000)}`,
      ).toEqual([]);
    },
  };
}

/** Headers of submissions that are limited, and of refusals that end at a time that is known. */
const SOMETIMES: ReadonlySet<string> = new Set(['RateLimit', 'RateLimit-Policy', 'Retry-After']);

/** A part of a JSON pointer, in the fragment of a URI. */
const escape = (part: string) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

/**
 * The document with every object closed: a field that it does not have is one too many. Parts of an `allOf` stay open,
 * and the whole is closed instead.
 */
function closed(document: ApiDocument): object {
  const close = (value: unknown, isPart: boolean, key = ''): unknown => {
    if (Array.isArray(value)) return value.map((item) => close(item, isPart || key === 'allOf'));
    if (typeof value !== 'object' || value === null) return value;
    const inner = Object.fromEntries(
      Object.entries(value).map(([name, part]) =>
        name === 'example' || name === 'examples' ? [name, part] : [name, close(part, name === 'allOf', name)],
      ),
    ) as Record<string, unknown>;
    const isWhole =
      'allOf' in inner || ('properties' in inner && inner['type'] !== undefined && !('additionalProperties' in inner));
    return isWhole && !isPart ? { ...inner, unevaluatedProperties: false } : inner;
  };
  return openWhereCombined(close(document, false) as Record<string, unknown>, document);
}

/** What an `allOf` names must not close itself: the whole it is a part of has more fields. */
function openWhereCombined(whole: Record<string, unknown>, document: ApiDocument): object {
  const named = new Set(
    [...JSON.stringify(document).matchAll(/"allOf":\[\{"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name ?? '',
    ),
  );
  const { components } = whole as { components: { schemas: Record<string, Record<string, unknown>> } };
  const opened = Object.entries(components.schemas).map(([name, schema]) => {
    if (!named.has(name)) return [name, schema];
    const { unevaluatedProperties: _, ...rest } = schema;
    return [name, rest];
  });
  return { ...whole, components: { ...components, schemas: Object.fromEntries(opened) } };
}
