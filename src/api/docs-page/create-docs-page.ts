import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import { findOperations, type ApiDocument, type FoundOperation } from '../openapi/document.ts';
import { renderOperation, renderShared, renderWebhook, toAnchor } from './operation.ts';
import { renderSchema } from './schema.ts';
import { STYLE } from './style.ts';
import { renderText, type Html } from './text.ts';

interface DocsPage {
  readonly html: string;
  /** Lets nothing be loaded and nothing be run: the page is text, with its style in it. */
  readonly contentSecurityPolicy: string;
}

/** The API as a page to read, made of its document alone: without scripts, and without anything from elsewhere. */
export function createDocsPage(document: ApiDocument): DocsPage {
  const { info, tags = [], webhooks = {}, components = {} } = document;
  const operations = Map.groupBy(findOperations(document), ({ operation }) => operation.tags?.[0] ?? '');
  const named = tags.map(({ name, description = '' }) => ({
    name,
    description,
    operations: operations.get(name) ?? [],
  }));
  const told = findOperations({ paths: toPosted(webhooks) });
  const schemas = Object.entries(components.schemas ?? {});
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${info.title} API ${info.version}</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <a class="skip" href="#content">To the content</a>
        <header class="top">
          <p><strong>${info.title} API</strong> <span class="quiet">${info.version}</span></p>
          <p><a href="/openapi.json">openapi.json</a></p>
        </header>
        <div class="columns">
          <nav aria-label="Contents">
            <details class="contents" open>
              <summary>Contents</summary>
              ${named.map(
                ({ name, operations }) =>
                  html`<p><a href="#${toAnchor(name)}">${name}</a></p>
                    <ul>
                      ${operations.map((found) => html`<li><a href="#${toAnchor(found.operation.operationId)}">${toTitle(found)}</a></li>`)}
                    </ul>`,
              )}
              <p><a href="#told">Webhooks that are sent</a></p>
              <p><a href="#refusals">Refusals</a></p>
              <p><a href="#schemas">Schemas</a></p>
            </details>
          </nav>
          <main id="content" tabindex="-1">
            <h1>${info.title} API</h1>
            ${renderText(info.description ?? '')} ${renderSecurity(document)}
            ${named.map(
              ({ name, description, operations }) =>
                html`<section aria-labelledby="${toAnchor(name)}">
                  <h2 id="${toAnchor(name)}">${name}</h2>
                  ${renderText(description)} ${operations.map((found) => renderOperation(document, found))}
                </section>`,
            )}
            <section aria-labelledby="told">
              <h2 id="told">Webhooks that are sent</h2>
              ${told.map((found) => renderWebhook(document, found))}
            </section>
            <section aria-labelledby="refusals">
              <h2 id="refusals">Refusals</h2>
              ${renderText('Problem documents, each with a `code` that programs may go by.')}
              ${Object.entries(components.responses ?? {}).map((shared) => renderShared(document, shared))}
            </section>
            <section aria-labelledby="schemas">
              <h2 id="schemas">Schemas</h2>
              ${schemas.map(
                ([name, schema]) =>
                  html`<article class="schema" aria-labelledby="schema-${name}">
                    <h3 id="schema-${name}">${name}</h3>
                    ${renderSchema(schema)}
                  </article>`,
              )}
            </section>
          </main>
        </div>
      </body>
    </html>`;
  // Of the very characters between the tags.
  const styleHash = createHash('sha256').update(STYLE).digest('base64');
  return {
    // Nothing in it was awaited.
    html: page as string,
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

function toTitle({ operation }: FoundOperation): string {
  return operation.summary ?? operation.operationId ?? '';
}

/** The webhooks as if they were paths: they have the same form. */
function toPosted(webhooks: NonNullable<ApiDocument['webhooks']>): NonNullable<ApiDocument['paths']> {
  return webhooks;
}

function renderSecurity({ components = {} }: ApiDocument): Html {
  const schemes = Object.entries(components.securitySchemes ?? {});
  return html`<section aria-labelledby="security">
    <h2 id="security">Who is calling</h2>
    <dl>
      ${schemes.map(([name, scheme]) => {
        const { description = '' } = scheme as { description?: string };
        return html`<dt id="security-${name}"><code>${name}</code></dt>
          <dd>${renderText(description)}</dd>`;
      })}
    </dl>
  </section>`;
}
