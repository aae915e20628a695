import { EXAMPLES } from './examples.ts';
import { resolveRef, type JsonSchema } from './document.ts';

/** A placeholder for a missing example. A test finds it. */
export const NO_EXAMPLE = 'EXAMPLE MISSING';

/** Creates an example of a schema from the examples of its parts. */
export function toExample(schema: object, document: object): unknown {
  const { $ref } = schema as { $ref?: string };
  const name = $ref?.split('/').at(-1);
  if (name !== undefined && Object.hasOwn(EXAMPLES, name)) return EXAMPLES[name];
  const {
    example,
    type,
    properties,
    items,
    enum: values,
    oneOf,
    anyOf,
    format,
  } = resolveRef(document, schema) as JsonSchema & {
    properties?: Record<string, object>;
    items?: object;
    enum?: readonly unknown[];
    oneOf?: readonly object[];
    anyOf?: readonly object[];
  };
  if (example !== undefined) return example;
  if (values !== undefined) return values[0];
  const [first] = oneOf ?? anyOf ?? [];
  if (first !== undefined) return toExample(first, document);
  if (Array.isArray(type) && type.includes('null')) return null;
  if (properties !== undefined) {
    return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, toExample(value, document)]));
  }
  if (type === 'array') return items === undefined ? [] : [toExample(items, document)];
  if (type === 'integer' || type === 'number') return 1;
  if (type === 'boolean') return true;
  if (type === 'object') return {};
  return format === 'uuid' ? '019cd7ac-5d2e-7c41-9a54-2f6a0c1b7d11' : NO_EXAMPLE;
}
