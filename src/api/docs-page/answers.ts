import { html } from 'hono/html';
import { resolveRef, type ApiDocument, type Operation } from '../openapi/document.ts';
import { renderSchema, renderType } from './schema.ts';
import { renderCode, renderInline, renderText, toAnchor, type Html } from './text.ts';

/** A body in one of its media types. */
export interface Media {
  readonly schema?: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, Media>>;
}

/** Renders the responses of an operation on success, and links to its possible errors. */
export function renderAnswers(document: ApiDocument, { responses = {} }: Operation): Html {
  const refused = Object.entries(responses).filter(([, { $ref }]) => $ref !== undefined);
  return html`<h4>Responses</h4>
    ${ownAnswers(responses).map(([status, answer]) => renderAnswer(document, status, answer))}
    ${
      refused.length === 0
        ? ''
        : html`<p class="refusals">
            <span class="quiet">Errors:</span>
            ${refused.map(
              ([status, { $ref = '' }]) =>
                html`<a class="status" href="#${toAnchor($ref.split('/').at(-1))}">${status}</a> `,
            )}
          </p>`
    }`;
}

/** Renders the examples of the operation's responses. */
export function renderAnswerExamples({ responses = {} }: Operation): Html {
  const media = ownAnswers(responses).flatMap(([status, { content = {} }]) =>
    Object.entries(content).map(([type, { example }]) => ({ status, type, example })),
  );
  return html`${media
    .filter(({ example }) => example !== undefined)
    .map(({ status, type, example }) =>
      renderCode({
        label: `Example of the response ${status} as ${type}`,
        title: html`<span class="status">${status}</span> ${type}`,
        value: example,
      }),
    )}`;
}

function ownAnswers(responses: NonNullable<Operation['responses']>): [string, Answer][] {
  return Object.entries(responses)
    .filter(([, { $ref }]) => $ref === undefined)
    .map(([status, answer]) => [status, answer as Answer]);
}

function renderAnswer(
  document: ApiDocument,
  status: string,
  { description, headers = {}, content = {} }: Answer,
): Html {
  const types = Object.entries(content);
  const [first = '', ...more] = description.split('\n\n');
  return html`<div class="answer">
    <p><span class="status">${status}</span> ${renderInline(first)}</p>
    ${more.map((paragraph) => renderText(paragraph))}
    ${types.map(
      ([type, { schema = {} }]) =>
        html`<p class="quiet">
            <code>${type}</code>${hasName(schema) ? html` <span class="type">${renderType(schema)}</span>` : ''}
          </p>
          ${
            hasName(schema) || type === 'text/event-stream'
              ? ''
              : html`<details class="fold">
                  <summary>Fields</summary>
                  ${renderSchema(schema)}
                </details>`
          }`,
    )}
    ${renderHeaders(document, headers)}
  </div>`;
}

const hasName = (schema: object): boolean => '$ref' in schema;

/** Renders an error response that many operations share, folded. */
export function renderRefusal(document: ApiDocument, [name, answer]: readonly [string, object]): Html {
  const { description, headers = {}, content = {} } = answer as Answer;
  const codes = Object.entries(content['application/problem+json']?.examples ?? {});
  const [first] = codes;
  return html`<details class="named refusal">
    <summary>
      <h3><span class="status">${name.replace(/\D/g, '')}</span> ${renderInline(description)}</h3>
    </summary>
    <div id="${toAnchor(name)}">
      <p>With the code ${codes.map(([code], index) => html`${index > 0 ? ' or ' : ''}<code>${code}</code>`)}.</p>
      ${renderHeaders(document, headers)}
      ${
        first === undefined
          ? ''
          : renderCode({
              label: `Example of the error ${first[0]}`,
              title: 'application/problem+json',
              value: first[1].value,
            })
      }
    </div>
  </details>`;
}

function renderHeaders(document: ApiDocument, headers: Readonly<Record<string, object>>): Html | string {
  const found = Object.entries(headers).map(
    ([name, header]) => [name, resolveRef(document, header) as { description?: string }] as const,
  );
  if (found.length === 0) return '';
  return html`<dl class="fields">
    ${found.map(
      ([name, { description = '' }]) =>
        html`<div>
          <dt><code>${name}</code> <span class="quiet">header</span></dt>
          <dd>${renderInline(description)}</dd>
        </div>`,
    )}
  </dl>`;
}
