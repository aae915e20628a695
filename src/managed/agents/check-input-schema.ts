import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** Keywords that the Messages API rejects at the top of a tool's input. */
const COMBINING = ['anyOf', 'oneOf', 'allOf'];

/** Names of inputs that the Messages API accepts. */
const INPUT_NAME = /^[a-zA-Z0-9_.-]{1,64}$/;

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Finds the reason why a model would not get a tool with this schema, or would get it with another one; null: there is
 * none. Claude Code says nothing about such a tool (measured, 2.1.332).
 */
export function findSchemaFault(schema: JsonSchema): string | null {
  const combining = COMBINING.find((word) => Object.hasOwn(schema, word));
  if (combining !== undefined) return `must not have ${combining} at its top; move it below a property`;
  const properties = Object.keys(schema['properties'] ?? {});
  const name = properties.find((property) => !INPUT_NAME.test(property));
  if (name !== undefined)
    return `must have properties whose names are 1 to 64 letters, digits, "_", "." or "-"; received ${JSON.stringify(name)}`;
  const { $schema: draft, ...words } = withoutNulls(schema);
  const check = findCheck(typeof draft === 'string' && /draft-0[67]/.test(draft) ? 'old' : 'new');
  if (check(words)) return null;
  const { instancePath = '', message = 'is not valid' } = check.errors?.[0] ?? {};
  return `is not a valid JSON schema: ${instancePath.slice(1).replaceAll('/', '.') || 'it'} ${message}`;
}

/** Leaves out what clients may set to null, which Claude Code does not accept. */
export function withoutNulls(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(
    Object.entries(schema).filter(([name, value]) => value !== null || !['properties', 'required'].includes(name)),
  );
}

/** Functions that check a schema against the schema of its draft. Each is made when it is needed first. */
const checks = new Map<'old' | 'new', ValidateFunction>();

function findCheck(draft: 'old' | 'new'): ValidateFunction {
  const known = checks.get(draft);
  if (known !== undefined) return known;
  const options = { logger: false, validateFormats: false } as const;
  const made =
    draft === 'old'
      ? new Ajv(options).getSchema('http://json-schema.org/draft-07/schema')
      : new Ajv2020(options).getSchema('https://json-schema.org/draft/2020-12/schema');
  checks.set(draft, made!);
  return made!;
}
