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
  /** Lets nothing be loaded and nothing be run: the page is text, with its style in it. */
  readonly contentSecurityPolicy: string;
}

/** The API as a page to read, made of its document alone: without scripts, and without anything from elsewhere. */
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
        <a class="skip" href="#content">To the content</a>
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
              content: html`${renderText('Problem documents (RFC 9457), each with a `code` that programs may go by.')}
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
  // Of the very characters between the tags.
  const styleHash = createHash('sha256').update(STYLE).digest('base64');
  return {
    // Nothing in it was awaited.
    html: page as string,
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

/** What comes behind the operations, by what it is linked to by. */
const MORE = { told: 'Webhooks that are sent', refusals: 'Refusals', schemas: 'Schemas' } as const;

function renderSection({ anchor, title, content }: { anchor: string; title: string; content: Html }): Html {
  return html`<section aria-labelledby="${anchor}">
    <h2 id="${anchor}">${title} ${renderLink(anchor, title)}</h2>
    ${content}
  </section>`;
}

/** What the commands of the page need, once. */
function renderBeginning(): Html {
  const value = `export ${VARIABLES.url}=http://127.0.0.1:4400\nexport ${VARIABLES.key}=lh_…`;
  return renderSection({
    anchor: 'begin',
    title: 'Begin',
    content: html`${renderText('The commands here can be pasted into a shell that knows where the service is and has a key. What they are about they take from variables as well, such as `RUN_ID`.')}
    ${renderCode({ label: 'Once in a shell', title: 'Once in a shell', value })}`,
  });
}

function renderSecurity({ components = {} }: ApiDocument): Html {
  const schemes = Object.entries(components.securitySchemes ?? {});
  return renderSection({
    anchor: 'security',
    title: 'Who is calling',
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

/** A schema by its name, folded: what leads to it opens it. */
function renderNamed(name: string, schema: object): Html {
  return html`<details class="named">
    <summary><h3>${name}</h3></summary>
    <div id="schema-${toAnchor(name)}">${renderSchema(schema)}</div>
  </details>`;
}
