import type { FieldError } from '../core/errors.ts';
import type { Agent } from './config.ts';

/** Longest argument or variable that Linux accepts, with the final zero byte (MAX_ARG_STRLEN). */
const MAX_STRING_BYTES = 131_072;

/**
 * Limit of all arguments and variables together, a pointer to each included: a quarter of the usual stack of 8 MiB,
 * less 64 KiB for Longhaul's own.
 */
const MAX_TOTAL_BYTES = 2_097_152 - 65_536;

const POINTER_BYTES = 8;

/**
 * Returns the options that would keep Claude Code from starting: they become arguments or variables, and the system
 * limits the length of those.
 */
export function findSizeErrors({
  name,
  tools,
  outputSchema,
  env,
}: Pick<Agent, 'name' | 'tools' | 'outputSchema' | 'env'>): FieldError[] {
  const at = `agents.${name}`;
  const list = tools.join(',');
  const strings: [path: string, text: string][] = [
    [`${at}.tools`, `--tools=${list}`],
    // A second time, because Claude Code also gets the list of tools that need no permission.
    [`${at}.tools`, `--allowedTools=${list}`],
    ...(outputSchema === null
      ? []
      : [[`${at}.outputSchema`, `--json-schema=${JSON.stringify(outputSchema.json)}`] as [string, string]]),
    ...Object.entries(env).map(([variable, value]): [string, string] => [
      `${at}.env.${variable}`,
      `${variable}=${value}`,
    ]),
  ];
  const sizes = strings.map(([path, text]) => ({ path, bytes: Buffer.byteLength(text) + 1 }));
  const errors = new Map<string, FieldError>();
  for (const { path, bytes } of sizes) {
    if (bytes <= MAX_STRING_BYTES) continue;
    const message = `is too long: ${bytes} bytes as the system counts them; the system accepts at most ${MAX_STRING_BYTES}`;
    errors.set(path, { path, message });
  }
  const total = sizes.reduce((sum, { bytes }) => sum + bytes + POINTER_BYTES, 0);
  if (errors.size === 0 && total > MAX_TOTAL_BYTES) {
    const message = `is too large: tools, outputSchema and env have ${total} bytes together; the system accepts at most ${MAX_TOTAL_BYTES}`;
    errors.set(at, { path: at, message });
  }
  return [...errors.values()];
}
