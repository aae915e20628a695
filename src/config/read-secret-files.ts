import { readFileSync } from 'node:fs';
import path from 'node:path';
import { toMessage, type FieldError } from '../core/errors.ts';
import { VARIABLE } from './resolve-mcp-servers.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** Variables that contain a secret. */
export const SECRET_VARIABLES = [
  'LONGHAUL_DATABASE_URL',
  'LONGHAUL_QUEUE_URL',
  'LONGHAUL_ADMIN_KEY',
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'ANTHROPIC_CUSTOM_HEADERS',
  'AWS_BEARER_TOKEN_BEDROCK',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'HTTPS_PROXY',
  'HTTP_PROXY',
] as const;

interface ReadSecretFilesOptions {
  readonly env: Variables;
  /** Variables that contain a secret. */
  readonly names: readonly string[];
  /** Base of relative paths. */
  readonly baseDir: string;
}

/**
 * Returns the variables with each secret that `NAME_FILE` names read from its file, without the newlines at its end, and
 * the files. An error never shows the content of a file.
 */
export function readSecretFiles({ env, names, baseDir }: ReadSecretFilesOptions): {
  env: Variables;
  files: readonly string[];
  errors: readonly FieldError[];
} {
  const read: Record<string, string> = {};
  const files: string[] = [];
  const errors: FieldError[] = [];
  for (const name of new Set(names)) {
    const named = env[`${name}_FILE`];
    if (named === undefined || named === '') continue;
    const refuse = (message: string) => errors.push({ path: `${name}_FILE`, message });
    if (env[name] !== undefined && env[name] !== '') {
      refuse(`and ${name} are both set: set one of the two`);
      continue;
    }
    const file = path.resolve(baseDir, named);
    files.push(file);
    try {
      const text = readFileSync(file, 'utf8').replace(/[\r\n]+$/, '');
      if (text === '') refuse(`names ${file}, which is empty`);
      else read[name] = text;
    } catch (error) {
      refuse(`names ${file}, which cannot be read: ${toMessage(error)}`);
    }
  }
  return { env: { ...env, ...read }, files, errors };
}

/** Returns the variables that parts of the configuration name, as `{ env: "NAME" }` or within a text as `${NAME}`. */
export function findNamedVariables(...parts: readonly unknown[]): string[] {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (typeof value === 'string') for (const [, name = ''] of value.matchAll(VARIABLE)) names.add(name);
    if (!isPlainObject(value)) return undefined;
    const { env: name, ...rest } = value;
    if (typeof name === 'string' && Object.keys(rest).length === 0) names.add(name);
    else Object.values(value).forEach(visit);
    return undefined;
  };
  parts.forEach(visit);
  return [...names];
}

/** Objects of classes, such as schemas, may refer to themselves; they contain no variables. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
