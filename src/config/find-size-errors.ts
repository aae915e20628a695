import type { FieldError } from '../core/errors.ts';
import type { Agent } from './config.ts';

/** Linux takes no argument and no variable that is longer, with the byte at its end (MAX_ARG_STRLEN). */
const MAX_STRING_BYTES = 131_072;

/** All of them together, a pointer to each included: a quarter of the usual stack of 8 MiB. Some is for what is Longhaul's own. */
const MAX_TOTAL_BYTES = 2_097_152 - 65_536;

const POINTER_BYTES = 8;

/** Options with which Claude Code could never be started: it gets them as arguments or variables, and the system takes no longer ones. */
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
    // Once more, as those that need nobody's leave.
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
    const message = `is too long: ${bytes} bytes as the system counts them, and it takes ${MAX_STRING_BYTES} at most`;
    errors.set(path, { path, message });
  }
  const total = sizes.reduce((sum, { bytes }) => sum + bytes + POINTER_BYTES, 0);
  if (errors.size === 0 && total > MAX_TOTAL_BYTES) {
    const message = `is too large: tools, outputSchema and env have ${total} bytes together, and the system takes ${MAX_TOTAL_BYTES} at most`;
    errors.set(at, { path: at, message });
  }
  return [...errors.values()];
}
