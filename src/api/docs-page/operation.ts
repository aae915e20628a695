import { html } from 'hono/html';
import { resolveRef, type ApiDocument, type FoundOperation, type Operation } from '../openapi/document.ts';
import { renderAnswerExamples, renderAnswers, type Media } from './answers.ts';
import { renderMethod } from './contents.ts';
import { renderNotes, renderSchema, renderType } from './schema.ts';
import { renderCode, renderLink, renderText, toAnchor, type Html } from './text.ts';
import { toCurl } from './to-curl.ts';

/** Renders an operation: its route, security, parameters, body and responses, with examples beside it. */
export function renderOperation(document: ApiDocument, found: FoundOperation): Html {
  const { method, path, operation } = found;
  const { summary = '', description } = operation;
  const anchor = toAnchor(operation.operationId);
  return html`<article class="operation" aria-labelledby="${anchor}">
    <div>
      <h3 id="${anchor}">${summary} ${renderLink(anchor, summary)}</h3>
      <p class="route">${renderMethod(method)} <code>${renderPath(path)}</code></p>
      ${description === undefined ? '' : renderText(description)} ${renderWho(operation)} ${renderParameters(operation)}
      ${renderBody(document, operation, 'Request')} ${renderAnswers(document, operation)}
    </div>
    <div class="beside">
      ${renderCode({ label: `${summary} with curl`, title: 'curl', value: toCurl(document, found) })}
      ${renderAnswerExamples(operation)}
    </div>
  </article>`;
}

/** Renders a request that is sent to a webhook. */
export function renderWebhook(document: ApiDocument, { path, operation }: FoundOperation): Html {
  const { summary = '', description = '', requestBody } = operation;
  const anchor = toAnchor(operation.operationId);
  const { content = {} } = resolveRef(document, requestBody ?? {}) as { content?: Record<string, Media> };
  return html`<article class="operation" aria-labelledby="${anchor}">
    <div>
      <h3 id="${anchor}">${summary} ${renderLink(anchor, summary)}</h3>
      <p class="route">${renderMethod('POST')} <code>${path}</code></p>
      ${renderText(description)} ${renderParameters(operation)} ${renderBody(document, operation, 'Request')}
    </div>
    <div class="beside">
      ${Object.entries(content).map(([type, { example }]) => renderCode({ label: `${summary}: example`, title: type, value: example }))}
    </div>
  </article>`;
}

/** Renders a path with its variable parts marked. */
function renderPath(path: string): Html {
  return html`${path.split(/(\{\w+\})/).map((part, index) => (index % 2 === 1 ? html`<var>${part}</var>` : part))}`;
}

function renderWho({ security = [] }: Operation): Html {
  if (security.length === 0) return html`<p class="who">No API key is needed.</p>`;
  const ways = security.flatMap((way) => Object.entries(way));
  const scopes = [...new Set(ways.flatMap(([, names]) => names))];
  return html`<p class="who">
    Requires
    ${ways.map(
      ([name], index) => html`${index > 0 ? ' or ' : ''}<a href="#security-${toAnchor(name)}">${name}</a>`,
    )}${scopes.length === 0 ? '' : html`, scope ${scopes.map((scope, index) => html`${index > 0 ? ', ' : ''}<code>${scope}</code>`)}`}.
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
          html`<div>
            <dt>
              <code>${name}</code> <span class="quiet">${place}</span>
              <span class="type">${renderType(schema)}</span
              >${required === true ? html` <span class="required">required</span>` : ''}
            </dt>
            <dd>${renderNotes(description === undefined ? schema : { ...schema, description })}</dd>
          </div>`,
      )}
    </dl>`;
}

/** Renders the request body, with the fields of named schemas as well, because readers look for them here. */
function renderBody(document: ApiDocument, { requestBody }: Operation, title: string): Html | string {
  if (requestBody === undefined) return '';
  const { content = {} } = resolveRef(document, requestBody) as { content?: Record<string, Media> };
  return html`<h4>${title}</h4>
    ${Object.entries(content).map(
      ([type, { schema = {} }]) =>
        html`<p class="quiet"><code>${type}</code> <span class="type">${renderType(schema)}</span></p>
          ${renderSchema(resolveRef(document, schema), { isTyped: false })}`,
    )}`;
}
