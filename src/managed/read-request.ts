import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { z } from 'zod';
import { invalid, ManagedError } from './error.ts';
import type { ManagedEnv } from './deps.ts';

/** Most bytes of a body. */
const MAX_BODY_BYTES = 16 * 1_048_576;

/** Refuses a larger body, before anything reads it. */
export const limitBody = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError() {
    throw new ManagedError('invalid_request_error', `The body is larger than ${MAX_BODY_BYTES} bytes.`, {
      status: 413,
    });
  },
});

/**
 * Reads the body as JSON, whatever its content type; an empty one is `{}`. A field that is null and unknown is ignored.
 * @throws {ManagedError} naming each field that is wrong or unknown.
 */
export async function readBody<S extends z.ZodType>(context: Context<ManagedEnv>, schema: S): Promise<z.output<S>> {
  const text = await context.req.text();
  let body: unknown = {};
  try {
    if (text.trim() !== '') body = JSON.parse(text);
  } catch {
    throw invalid('The body is not valid JSON.');
  }
  return check(body, schema);
}

/**
 * Checks a value; `path` is its place in the body, which messages begin with. Defaults to the body itself.
 * @throws {ManagedError} naming each field that is wrong or unknown.
 */
export function check<S extends z.ZodType>(value: unknown, schema: S, path = ''): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const unknownNulls = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.filter((key) => isNullAt(value, [...issue.path, key])).map((key) => [...issue.path, key])
      : [],
  );
  if (unknownNulls.length > 0) return check(without(value, unknownNulls), schema, path);
  throw invalid(
    parsed.error.issues
      .slice(0, 10)
      .map((issue) => describe(issue, path))
      .join('; '),
  );
}

function describe(issue: z.core.$ZodIssue, path: string): string {
  const inside = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  const at = `${path}${inside}`.replace(/^\./, '');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${at === '' ? '' : `${at}.`}${key}: is not a known field`).join('; ');
  return `${at === '' ? 'the body' : at}: ${issue.message}`;
}

function isNullAt(value: unknown, path: readonly PropertyKey[]): boolean {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null)?.[key], value) === null;
}

function without(value: unknown, paths: readonly (readonly PropertyKey[])[]): unknown {
  const copy = structuredClone(value);
  for (const path of paths) {
    const parent = path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)[key], copy);
    delete (parent as Record<PropertyKey, unknown>)[path.at(-1)!];
  }
  return copy;
}

/** Reads all values of a query parameter: `x=`, `x[]=` or `x[0]=`, any number of times. */
export function readAll(context: Context<ManagedEnv>, name: string): string[] {
  return [...new URL(context.req.url).searchParams]
    .filter(([key]) => key === name || (key.startsWith(`${name}[`) && /^\[\d*\]$/.test(key.slice(name.length))))
    .map(([, value]) => value);
}

/** Reads a query parameter that is `true` or `false`. Defaults to false. */
export function readFlag(context: Context<ManagedEnv>, name: string): boolean {
  const value = context.req.query(name) ?? 'false';
  if (value !== 'true' && value !== 'false') throw invalid(`${name}: must be true or false`);
  return value === 'true';
}

/** Reads `limit`. */
export function readLimit(context: Context<ManagedEnv>, { usual, most }: { usual: number; most: number }): number {
  const value = context.req.query('limit') ?? String(usual);
  const limit = /^\d{1,6}$/.test(value) ? Number(value) : 0;
  if (limit < 1 || limit > most) throw invalid(`limit: must be a whole number from 1 to ${most}`);
  return limit;
}

/** Reads `order`. */
export function readOrder(context: Context<ManagedEnv>, usual: 'asc' | 'desc'): 'asc' | 'desc' {
  const value = context.req.query('order') ?? usual;
  if (value !== 'asc' && value !== 'desc') throw invalid('order: must be asc or desc');
  return value;
}

const RANGE_ENDS = ['gt', 'gte', 'lt', 'lte'] as const;

/** A range of times; each end may be missing. */
export type TimeRange = Partial<Record<(typeof RANGE_ENDS)[number], Date>>;

/** Reads `name[gte]` and the other ends of a range of times. */
export function readRange(context: Context<ManagedEnv>, name: string): TimeRange {
  const range: TimeRange = {};
  for (const end of RANGE_ENDS) {
    const value = context.req.query(`${name}[${end}]`);
    if (value === undefined) continue;
    const time = new Date(value);
    if (!/^\d{4}-\d{2}-\d{2}/.test(value) || Number.isNaN(time.getTime()))
      throw invalid(`${name}[${end}]: must be a time such as 2026-11-29T08:00:00Z`);
    range[end] = time;
  }
  return range;
}

/** Encodes the place at which a list goes on, with the order it holds for. */
export function toPage(place: Readonly<Record<string, unknown>>): string {
  return `page_${Buffer.from(JSON.stringify(place)).toString('base64url')}`;
}

/**
 * Reads `page`, which `toPage` made; null without one.
 * @throws {ManagedError} when it is of another list.
 */
export function readPage<S extends z.ZodType>(context: Context<ManagedEnv>, schema: S): z.output<S> | null {
  const page = context.req.query('page');
  if (page === undefined || page === '') return null;
  try {
    return schema.parse(JSON.parse(Buffer.from(page.slice('page_'.length), 'base64url').toString()));
  } catch {
    throw invalid('page: must be the next_page or prev_page of an earlier answer to the same list');
  }
}
