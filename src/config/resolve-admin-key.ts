import { readFileSync } from 'node:fs';
import path from 'node:path';
import { toMessage, type FieldError } from '../core/errors.ts';
import { adminKey } from './schema.ts';

interface AdminKeyVariables {
  readonly LONGHAUL_ADMIN_KEY?: string | undefined;
  readonly LONGHAUL_ADMIN_KEY_FILE?: string | undefined;
}

/**
 * Returns the admin key from the variables: its value, or the content of the file that the other variable names; null
 * for none.
 */
export function resolveAdminKey(
  variables: AdminKeyVariables,
  baseDir: string,
): { value: string | null; errors: readonly FieldError[] } {
  const { LONGHAUL_ADMIN_KEY: given, LONGHAUL_ADMIN_KEY_FILE: file } = variables;
  const refuse = (message: string) => ({ value: null, errors: [{ path: 'LONGHAUL_ADMIN_KEY_FILE', message }] });
  if (file === undefined) return { value: given ?? null, errors: [] };
  if (given !== undefined) return refuse('and LONGHAUL_ADMIN_KEY are both set: set one of the two');
  const place = path.resolve(baseDir, file);
  let text: string;
  try {
    text = readFileSync(place, 'utf8').trim();
  } catch (error) {
    return refuse(`names ${place}, which cannot be read: ${toMessage(error)}`);
  }
  const parsed = adminKey().safeParse(text);
  // The error does not show the content: it may be a key all the same.
  if (!parsed.success) return refuse(`names ${place}, whose content ${parsed.error.issues[0]?.message}`);
  return { value: parsed.data, errors: [] };
}
