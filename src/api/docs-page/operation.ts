import { html } from 'hono/html';
import { resolveRef, type ApiDocument, type FoundOperation, type Operation } from '../openapi/document.ts';
import { renderNotes, renderSchema, renderType } from './schema.ts';
import { renderInline, renderJson, renderText, type Html } from './text.ts';

/** What a heading is linked to by. */
export function toAnchor(name: string | undefined): string {
  return (name ?? '').toLowerCase();
}

/** An operation: how it is called, by whom, with what, and what it answers. */
export function renderOperation(document: ApiDocument, { method, path, operation }: FoundOperation): Html {
  return html`<article class="operation" aria-labelledby="${toAnchor(operation.operationId)}">
    <h3 id="${toAnchor(operation.operationId)}">${operation.summary}</h3>
    <p class="route"><span class="method ${method.toLowerCase()}">${method}</span> <code>${path}</code></p>
    ${operation.description === undefined ? '' : renderText(operation.description)} ${renderWho(operation)}
    ${renderParameters(operation)} ${renderBody(document, operation, 'Request')} ${renderAnswers(document, operation)}
  </article>`;
}

/** What is sent to an address that asked to be told. */
export function renderWebhook(document: ApiDocument, { path, operation }: FoundOperation): Html {
  return html`<article class="operation" aria-labelledby="${toAnchor(operation.operationId)}">
    <h3 id="${toAnchor(operation.operationId)}">${operation.summary}</h3>
    <p class="route"><span class="method">POST</span> <code>${path}</code></p>
    ${renderText(operation.description ?? '')} ${renderParameters(operation)}
    ${renderBody(document, operation, 'What is sent')}
  </article>`;
}

function renderWho({ security = [] }: Operation): Html {
  if (security.length === 0) return html`<p class="who">For anyone: no key is needed.</p>`;
  const ways = security.flatMap((way) => Object.entries(way));
  const scopes = [...new Set(ways.flatMap(([, names]) => names))];
  return html`<p class="who">
    With
    ${ways.map(
      ([name], index) => html`${index > 0 ? ' or ' : ''}<a href="#security-${name}">${name}</a>`,
    )}${scopes.length === 0 ? '' : html`, scope ${scopes.map((scope) => html`<code>${scope}</code>`)}`}.
  </p>`;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: object;
}

function renderParameters({ parameters = [] }: Operation): Html | string {
  if (parameters.length === 0) return '';
  return html`<h4>Parameters</h4>
    <dl class="fields">
      ${(parameters as readonly Parameter[]).map(
        ({ name, in: place, required, description, schema = {} }) =>
          html`<dt>
              <code>${name}</code> <span class="quiet">in ${place}</span>
              <span class="type">${renderType(schema)}</span
              >${required === true ? html` <span class="required">required</span>` : ''}
            </dt>
            <dd>${renderNotes(description === undefined ? schema : { ...schema, description })}</dd>`,
      )}
    </dl>`;
}

interface Media {
  readonly schema?: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

function renderBody(document: ApiDocument, { requestBody }: Operation, title: string): Html | string {
  if (requestBody === undefined) return '';
  const { content = {} } = resolveRef(document, requestBody) as { content?: Record<string, Media> };
  return html`<h4>${title}</h4>
    ${Object.entries(content).map(([type, media]) => renderMedia({ type, media, label: title }))}`;
}

function renderMedia({ type, media, label }: { type: string; media: Media; label: string }): Html {
  const { schema, example, examples = {} } = media;
  const shown = example ?? Object.values(examples)[0]?.value;
  return html`<p class="quiet"><code>${type}</code></p>
    ${schema === undefined ? '' : renderSchema(schema)}
    ${shown === undefined ? '' : renderJson(shown, `${label}, an example as ${type}`)}`;
}

interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, Media>>;
}

function renderAnswers(document: ApiDocument, { responses = {} }: Operation): Html {
  const answers = Object.entries(responses);
  const own = answers.filter(([, { $ref }]) => $ref === undefined);
  const refused = answers.filter(([, { $ref }]) => $ref !== undefined);
  return html`<h4>Answers</h4>
    ${own.map(([status, answer]) => renderAnswer(document, status, answer as Answer))}
    ${
      refused.length === 0
        ? ''
        : html`<p class="quiet">
            Refused with
            ${refused.map(
              ([status, { $ref = '' }], index) =>
                html`${index > 0 ? ', ' : ''}<a href="#${toAnchor($ref.split('/').at(-1))}">${status}</a>`,
            )}.
          </p>`
    }`;
}

/** An answer that many operations have. */
export function renderShared(document: ApiDocument, [name, answer]: readonly [string, object]): Html {
  const status = name.replace(/\D/g, '');
  return html`<article class="schema" aria-labelledby="${toAnchor(name)}">
    <h3 id="${toAnchor(name)}">${status}</h3>
    ${renderAnswer(document, status, answer as Answer)}
  </article>`;
}

function renderAnswer(
  document: ApiDocument,
  status: string,
  { description, headers = {}, content = {} }: Answer,
): Html {
  return html`<details class="answer" open>
    <summary><span class="status">${status}</span> ${renderInline(description)}</summary>
    ${renderHeaders(document, headers)}
    ${Object.entries(content).map(([type, media]) => renderMedia({ type, media, label: status }))}
    ${renderCodes(content)}
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
        html`<dt><code>${name}</code> <span class="quiet">header</span></dt>
          <dd>${renderInline(description)}</dd>`,
    )}
  </dl>`;
}

/** The codes that a problem can have, where there are several. */
function renderCodes(content: Readonly<Record<string, Media>>): Html | string {
  const codes = Object.keys(content['application/problem+json']?.examples ?? {});
  if (codes.length === 0) return '';
  return html`<p>
    With the code ${codes.map((code, index) => html`${index > 0 ? ' or ' : ''}<code>${code}</code>`)}.
  </p>`;
}
