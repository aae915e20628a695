type JsonSchema = Readonly<Record<string, unknown>>;

/** The keywords of draft 7: constraints and descriptions. */
const WORDS = new Set(
  (
    'title description default examples enum const type format multipleOf maximum exclusiveMaximum minimum ' +
    'exclusiveMinimum maxLength minLength pattern additionalItems maxItems minItems uniqueItems contains maxProperties ' +
    'minProperties required properties patternProperties additionalProperties propertyNames dependencies if then else ' +
    'allOf anyOf oneOf not items definitions $defs $ref $id $comment readOnly writeOnly'
  ).split(' '),
);

/** Keywords whose value is an object of schemas by name. */
const BY_NAME = new Set(['properties', 'patternProperties', 'definitions', '$defs', 'dependencies']);
/** Keywords whose value is data, not a schema. */
const DATA = new Set(['default', 'examples', 'enum', 'const', 'required', 'type']);

/**
 * Converts a JSON schema to the keywords of draft 7, which Claude Code requires: it does not start with
 * others. Keywords without a counterpart are left out, so the model may know fewer constraints than the answer is
 * checked against, never more.
 */
export function toDraft7(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(
    Object.entries(toOldTuple(schema)).flatMap(([word, value]): [string, unknown][] => {
      if (!WORDS.has(word)) return [];
      if (DATA.has(word)) return [[word, value]];
      if (BY_NAME.has(word)) {
        const parts = Object.entries(value as JsonSchema);
        return [[word, Object.fromEntries(parts.map(([name, part]) => [name, convert(part)]))]];
      }
      return [[word, convert(value)]];
    }),
  );
}

function convert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(convert);
  return typeof value === 'object' && value !== null ? toDraft7(value as JsonSchema) : value;
}

/** Converts a list whose first items have separate schemas. */
function toOldTuple(schema: JsonSchema): JsonSchema {
  const { prefixItems, items, ...rest } = schema;
  if (prefixItems === undefined) return schema;
  return { ...rest, items: prefixItems, ...(items !== undefined && { additionalItems: items }) };
}
