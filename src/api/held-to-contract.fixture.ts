import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';
import type { Api } from './api-deps.ts';
import { describeApi } from './openapi/describe-api.ts';
import { findOperations, resolveRef, type ApiDocument } from './openapi/document.ts';

/** Checks responses in tests against the OpenAPI document. */
interface Contract {
  /**
   * Fails when a response differs from the document in its status, media type, headers or any field of its body, or
   * when a request body was accepted that the document does not allow.
   */
  check(request: Sent, response: Response): Promise<void>;
}

interface Sent {
  readonly method: string;
  readonly url: string;
  /** A copy of the request, to read its body; null without a JSON body. */
  readonly body: Request | null;
}

interface Answer {
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

const shared = new Map<string, Contract>();

/** Reads the contract of an API. All APIs of a test file have the same routes, so it is read once. */
function readContract(api: Api): Contract {
  const document = JSON.parse(JSON.stringify(describeApi(api, '0.0.0'))) as ApiDocument;
  const key = Object.keys(document.paths ?? {}).join();
  const contract = shared.get(key) ?? createContract(document);
  shared.set(key, contract);
  return contract;
}

/**
 * Checks every request to an API from now on. A request whose response differs from the document fails and is recorded.
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
      // Literal paths before paths with a parameter, like the routes.
      const found = operations
        .filter(
          (operation) => operation.method === (method === 'HEAD' ? 'GET' : method) && operation.pattern.test(pathname),
        )
        .toSorted((a, b) => a.path.split('{').length - b.path.split('{').length)[0];
      const type = response.headers.get('content-type')?.split(';')[0] ?? '';
      if (found === undefined) {
        // The path does not exist, or does not support the method.
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
      if (response.body === null && response.status < 300) return; // A HEAD request, or a closed WebSocket.
      expect(Object.keys(content), `${place} as ${type}`).toContain(type);
      for (const name of Object.keys(headers).filter((name) => !SOMETIMES.has(name))) {
        expect(response.headers.has(name), `${place} without ${name}`).toBe(true);
      }
      const at = `/paths/${escape(found.path)}/${found.method.toLowerCase()}`;
      if (response.ok && sent !== null && found.operation.requestBody !== undefined) {
        const errors = validate(`${at}/requestBody/content/${escape('application/json')}/schema`, await sent.json());
        expect(errors, `${place}, though its description does not allow the body`).toEqual([]);
      }
      if (!type.includes('json') || type === 'application/jsonl' || method === 'HEAD') return;
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

/** Headers that are present only for limited submissions, and for rejections that end at a known time. */
const SOMETIMES: ReadonlySet<string> = new Set(['RateLimit', 'RateLimit-Policy', 'Retry-After']);

/** Escapes a part of a JSON pointer in the fragment of a URI. */
const escape = (part: string) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

/**
 * Closes every object of the document, so that unknown fields are errors. Parts of an `allOf` stay open, and the whole
 * is closed instead.
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

/** Opens schemas that an `allOf` names, because the whole has more fields. */
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
