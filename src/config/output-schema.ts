import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { toMessage } from '../core/errors.ts';
import { toDraft7 } from './to-draft-7.ts';

/** The form that an agent's answer must have. */
export interface OutputSchema {
  /** JSON schema of draft 7 for Claude Code, without keywords that it does not know. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Returns the answer as it is stored, or the first problems of the answer. */
  readonly check: (answer: unknown) => { readonly value: unknown } | { readonly problems: readonly string[] };
}

/** Maximum number of problems to report for an answer. */
const MAX_PROBLEMS = 5;

/** Keywords that the Messages API rejects at the top of a tool's input, and an answer is the input of a tool. */
const COMBINING = ['anyOf', 'oneOf', 'allOf'];

type JsonSchema = Readonly<Record<string, unknown>>;
export type OutputSchemaInput = z.core.$ZodType | JsonSchema;

export const outputSchemaSchema = z
  .custom<OutputSchemaInput>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be a zod schema or a JSON schema',
  )
  .meta({ title: 'zod schema or JSON schema' });

/**
 * Prepares the schema that an agent's answers are checked against.
 * @throws {Error} with the fault of the schema.
 */
export function createOutputSchema(given: OutputSchemaInput): OutputSchema {
  const schema = isZod(given) ? fromZod(given) : fromJson(given);
  if (schema.json['type'] !== 'object')
    throw new Error('must describe an object at the top level: { type: "object", … }');
  const combined = COMBINING.find((word) => Object.hasOwn(schema.json, word));
  if (combined !== undefined) {
    throw new Error(
      `must not have ${combined} at the top level, because the provider rejects it; move it below a property, such as { answer: … }`,
    );
  }
  const refusal = findRefusal(schema.json);
  if (refusal !== null) throw new Error(`cannot be used: ${refusal}`);
  return schema;
}

function isZod(given: OutputSchemaInput): given is z.core.$ZodType {
  if ('_zod' in given) return true;
  if ('_def' in given || '~standard' in given) throw new Error('must be a zod 4 schema or a JSON schema');
  return false;
}

function fromZod(schema: z.core.$ZodType): OutputSchema {
  // `input`: the form the model has to write, before defaults and transforms.
  const json = toDraft7(z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }));
  return {
    json,
    check(answer) {
      const parsed = z.safeParse(schema, answer);
      if (parsed.success) return { value: toJson(parsed.data) };
      return {
        problems: parsed.error.issues
          .slice(0, MAX_PROBLEMS)
          .map((issue) => `${issue.path.map(String).join('.') || 'the answer'}: ${issue.message}`),
      };
    },
  };
}

/** Converts a value to its JSON form, for example a date to a text. */
function toJson(value: unknown): unknown {
  const text: string | undefined = JSON.stringify(value);
  return text === undefined ? null : (JSON.parse(text) as unknown);
}

function fromJson(given: JsonSchema): OutputSchema {
  const schema = structuredClone(given);
  const options = { allErrors: true, strict: false, validateFormats: false, logger: false } as const;
  const { $schema: draft, ...words } = schema;
  const isOld = typeof draft === 'string' && /draft-0[67]/.test(draft);
  let validate: ValidateFunction;
  try {
    validate = isOld ? new Ajv(options).compile(words) : new Ajv2020(options).compile(words);
  } catch (error) {
    throw new Error(`is not a valid JSON schema: ${toMessage(error)}`, { cause: error });
  }
  return {
    json: toDraft7(words),
    check: (answer) =>
      validate(answer)
        ? { value: answer }
        : { problems: (validate.errors ?? []).slice(0, MAX_PROBLEMS).map(toProblem) },
  };
}

function toProblem({ instancePath, message }: ErrorObject): string {
  return `${instancePath.slice(1).replaceAll('/', '.') || 'the answer'}: ${message ?? 'is not allowed'}`;
}

/**
 * Returns the reason why Claude Code would not start with a schema, or null: it rejects keywords it does not know
 * (measured).
 */
function findRefusal(json: JsonSchema): string | null {
  try {
    new Ajv({ strictSchema: true, validateFormats: false, logger: false }).compile(json);
    return null;
  } catch (error) {
    return toMessage(error);
  }
}
