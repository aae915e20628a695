import { html } from 'hono/html';
import type { JsonSchema } from '../openapi/document.ts';
import { renderInline, toAnchor, type Html } from './text.ts';

interface Shape extends JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly oneOf?: readonly Shape[];
  readonly anyOf?: readonly Shape[];
  readonly allOf?: readonly Shape[];
  readonly additionalProperties?: boolean | Shape;
  readonly default?: unknown;
}

/** Renders a schema: its type, description and fields, with nested fields. Named schemas are links. */
export function renderSchema(schema: object, { isTyped = true } = {}): Html {
  const { description, properties, required = [], allOf, oneOf, anyOf } = schema as Shape;
  const type = isTyped ? html`<span class="type">${renderType(schema)}</span> ` : '';
  return html`<div class="shape">
    ${isTyped || description !== undefined ? html`<p>${type}${renderInline(description ?? '')}</p>` : ''}
    ${[...(allOf ?? []), ...(oneOf ?? []), ...(anyOf ?? [])].filter(isInline).map((part) => renderSchema(part))}
    ${properties === undefined ? '' : renderFields(properties, required)}
  </div>`;
}

/** Renders fields. Marks the less common kind: the required fields, or, if most are required, the optional ones. */
function renderFields(properties: Readonly<Record<string, Shape>>, required: readonly string[]): Html {
  const isMostly = required.length > Object.keys(properties).length / 2;
  const toMark = (name: string): Html | string => {
    if (required.includes(name) === isMostly) return '';
    return isMostly ? html` <span class="quiet">optional</span>` : html` <span class="required">required</span>`;
  };
  return html`<dl class="fields">
    ${Object.entries(properties).map(
      ([name, field]) =>
        html`<div>
          <dt>
            <code>${name}</code>
            <span class="type">${renderType(field)}</span>${toMark(name)}
          </dt>
          <dd>${renderNotes(field)}${renderInner(field)}</dd>
        </div>`,
    )}
  </dl>`;
}

/** Renders the fields of an unnamed schema, if there are any. */
function renderInner(field: Shape): Html | string {
  const inner = field.items !== undefined ? field.items : field;
  if (inner.properties !== undefined) return renderFold(renderFields(inner.properties, inner.required ?? []));
  const parts = [...(inner.oneOf ?? []), ...(inner.anyOf ?? []), ...(inner.allOf ?? [])].filter(isInline);
  if (parts.length > 0) return renderFold(html`${parts.map((part) => renderSchema(part))}`);
  const { additionalProperties } = inner;
  const values = typeof additionalProperties === 'object' ? additionalProperties.properties : undefined;
  return values === undefined ? '' : renderFold(renderFields(values, []));
}

function renderFold(fields: Html): Html {
  return html`<details class="fold">
    <summary>Fields</summary>
    ${fields}
  </details>`;
}

function isInline({ properties }: Shape): boolean {
  return properties !== undefined;
}

/** Renders the constraints besides the type. */
export function renderNotes(schema: object): Html {
  const { description, default: byDefault, ...rest } = schema as Shape;
  const limits = LIMITS.flatMap(([least, most, unit]) =>
    toRange(rest[least] as number | undefined, rest[most] as number | undefined, unit),
  );
  const values = rest.enum ?? rest.items?.enum;
  const notes = [
    ...(limits.length > 0 ? [html`<span class="quiet">${limits.join(', ')}</span>`] : []),
    ...(values === undefined
      ? []
      : [html`one of ${values.map((value, index) => html`${index > 0 ? ', ' : ''}<code>${String(value)}</code>`)}`]),
    ...(byDefault === undefined ? [] : [html`default <code>${JSON.stringify(byDefault)}</code>`]),
  ];
  return html`${description === undefined ? '' : html`<span>${renderInline(description)}</span> `}${notes.map((note) => html`<span class="note">${note}</span> `)}`;
}

const LIMITS = [
  ['minLength', 'maxLength', ' characters'],
  ['minimum', 'maximum', ''],
  ['minItems', 'maxItems', ' items'],
] as const;

function toRange(least: number | undefined, most: number | undefined, unit: string): string[] {
  const [from, to] = [least, most].map((limit) => (isAny(limit) ? undefined : limit));
  if (from === undefined && to === undefined) return [];
  if (to === undefined && unit === ' characters' && from === 1) return ['not empty'];
  if (to === undefined) return [`${from}${unit} or more`];
  return [from === undefined ? `up to ${to}${unit}` : `${from} to ${to}${unit}`];
}

/** Returns whether a limit is no restriction, because every whole number is within it. */
function isAny(limit = 0): boolean {
  return Math.abs(limit) >= Number.MAX_SAFE_INTEGER;
}

/** Renders the type in a few words. */
export function renderType(schema: object): Html | string {
  const { $ref, type, format, items, oneOf, anyOf, allOf, additionalProperties, const: only } = schema as Shape;
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) ?? '';
    return html`<a href="#schema-${toAnchor(name)}">${name}</a>`;
  }
  if (only !== undefined) return html`<code>${JSON.stringify(only)}</code>`;
  const parts = oneOf ?? anyOf;
  if (parts !== undefined) return join(parts, ' or ');
  if (allOf !== undefined) return join(allOf, ' with ');
  if (type === 'array') return items === undefined ? 'list' : html`list of ${renderType(items)}`;
  if (type === 'object' && typeof additionalProperties === 'object' && Object.keys(additionalProperties).length > 0) {
    return html`object of ${renderType(additionalProperties)}`;
  }
  const names = type === undefined ? 'anything' : [type].flat().join(' or ');
  return format === undefined ? names : `${names}, ${format}`;
}

function join(parts: readonly Shape[], word: string): Html {
  return html`${parts.map((part, index) => html`${index > 0 ? word : ''}${renderType(part)}`)}`;
}
