import { expect } from 'vitest';
import { ERRORS } from '../../src/core/errors.ts';

/** Internal facts of the service: SQL and its errors, files, stacks, names of tables. */
const INTERNALS = [
  /\b(select|insert into|update|delete from)\b.+\b(from|values|set|where)\b/i,
  /longhaul\.(runs|run_events|api_keys|sessions|approvals|webhook|schedules)/,
  /pg_|pgboss|SQLSTATE|violates|relation "|invalid input syntax|out of range for type/i,
  /node_modules|\/src\/|\.ts:\d+|\n\s+at |node:internal/,
  /TypeError|RangeError|SyntaxError|ZodError|Cannot read|is not a function|Maximum call stack/,
];

/** Fails when a text reveals internal facts. */
export function expectNoInternals(text: string): void {
  for (const pattern of INTERNALS) expect(text).not.toMatch(pattern);
}

/**
 * Fails when an answer is neither a success nor a refusal in Longhaul's own words. Returns its body, or nothing for a
 * stream.
 */
export async function judgeAnswer(
  response: Response,
  { mayBeUnavailable }: { mayBeUnavailable: boolean },
): Promise<string> {
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/event-stream')) {
    await response.body?.cancel();
    expect(response.status).toBe(200);
    return '';
  }
  const text = await response.text();
  if (response.status === 503 && mayBeUnavailable) return text;
  expect(response.status, text).toBeLessThan(500);
  // The answer to a HEAD has no body.
  if (response.status < 400 || response.body === null) return text;
  expect(type).toMatch(/^application\/problem\+json/);
  const problem = JSON.parse(text) as { code: string; status: number };
  expect(Object.keys(ERRORS)).toContain(problem.code);
  expect(problem.status).toBe(response.status);
  expectNoInternals(text);
  // The detail describes the value received, and does not repeat it.
  expect(text.length).toBeLessThan(300_000);
  return text;
}
