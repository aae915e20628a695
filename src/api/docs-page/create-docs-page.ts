import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import { findOperations, type ApiDocument } from '../openapi/document.ts';
import { renderRefusal } from './answers.ts';
import { renderContents, type Group } from './contents.ts';
import { renderOperation, renderWebhook } from './operation.ts';
import { renderSchema } from './schema.ts';
import { STYLE } from './style.ts';
import { renderCode, renderInline, renderLink, renderText, toAnchor, type Html } from './text.ts';
import { VARIABLES } from './to-curl.ts';

interface DocsPage {
  readonly html: string;
  /** Forbids loading and scripts: the page is text with an embedded style. */
  readonly contentSecurityPolicy: string;
}

/** Creates a readable page of the API from its document, without scripts and without external resources. */
export function createDocsPage(document: ApiDocument): DocsPage {
  const { info, tags = [], webhooks = {}, components = {} } = document;
  const operations = Map.groupBy(findOperations(document), ({ operation }) => operation.tags?.[0] ?? '');
  const groups = tags.map(({ name, description = '' }): Group => ({
    name,
    description,
    operations: operations.get(name) ?? [],
  }));
  const told = findOperations({ paths: webhooks });
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
        <a class="skip" href="#content">Skip to the content</a>
        <header class="top">
          <p><a class="home" href="#content">${info.title} API</a> <span class="quiet">${info.version}</span></p>
          <p class="ways">
            <a class="to-contents" href="#contents">Contents</a> <a href="openapi.json">openapi.json</a>
          </p>
        </header>
        <div class="columns">
          ${renderContents(groups, MORE)}
          <main id="content" tabindex="-1">
            <h1>${info.title} API</h1>
            <div class="lead">${renderText(info.description ?? '')}</div>
            ${renderBeginning()} ${renderSecurity(document)}
            ${groups.map(({ name, description, operations }) =>
              renderSection({
                anchor: toAnchor(name),
                title: name,
                content: html`${renderText(description)} ${operations.map((found) => renderOperation(document, found))}`,
              }),
            )}
            ${renderSection({
              anchor: 'told',
              title: MORE.told,
              content: html`${told.map((found) => renderWebhook(document, found))}`,
            })}
            ${renderSection({
              anchor: 'refusals',
              title: MORE.refusals,
              content: html`${renderText('Problem documents (RFC 9457), each with a stable `code` for programs.')}
              ${Object.entries(components.responses ?? {}).map((refusal) => renderRefusal(document, refusal))}`,
            })}
            ${renderSection({
              anchor: 'schemas',
              title: MORE.schemas,
              content: html`${schemas.map(([name, schema]) => renderNamed(name, schema))}`,
            })}
          </main>
        </div>
      </body>
    </html>`;
  // The hash of exactly the characters between the tags.
  const styleHash = createHash('sha256').update(STYLE).digest('base64');
  return {
    // A string, because nothing in it is a promise.
    html: page as string,
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

/** Sections after the operations, by their anchor. */
const MORE = { told: 'Webhook requests', refusals: 'Errors', schemas: 'Schemas' } as const;

function renderSection({ anchor, title, content }: { anchor: string; title: string; content: Html }): Html {
  return html`<section aria-labelledby="${anchor}">
    <h2 id="${anchor}">${title} ${renderLink(anchor, title)}</h2>
    ${content}
  </section>`;
}

/** Renders the variables that the commands of the page need. */
function renderBeginning(): Html {
  const value = `export ${VARIABLES.url}=http://127.0.0.1:4400\nexport ${VARIABLES.key}=lh_…`;
  return renderSection({
    anchor: 'begin',
    title: 'Getting started',
    content: html`${renderText('Paste the commands into a shell that has set the URL of the service and an API key. Commands also take ids from variables, such as `RUN_ID`.')}
    ${renderCode({ label: 'Run once per shell', title: 'Run once per shell', value })}`,
  });
}

function renderSecurity({ components = {} }: ApiDocument): Html {
  const schemes = Object.entries(components.securitySchemes ?? {});
  return renderSection({
    anchor: 'security',
    title: 'Authentication',
    content: html`<dl class="fields">
      ${schemes.map(([name, scheme]) => {
        const { description = '' } = scheme as { description?: string };
        return html`<div>
          <dt id="security-${toAnchor(name)}"><code>${name}</code></dt>
          <dd>${renderInline(description)}</dd>
        </div>`;
      })}
    </dl>`,
  });
}

/** Renders a named schema, folded. A link to it opens it. */
function renderNamed(name: string, schema: object): Html {
  return html`<details class="named">
    <summary><h3>${name}</h3></summary>
    <div id="schema-${toAnchor(name)}">${renderSchema(schema)}</div>
  </details>`;
}
