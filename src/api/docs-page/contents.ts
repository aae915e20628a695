import { html } from 'hono/html';
import type { FoundOperation } from '../openapi/document.ts';
import { toAnchor, type Html } from './text.ts';

/** A group of operations under its heading. */
export interface Group {
  readonly name: string;
  readonly description: string;
  readonly operations: readonly FoundOperation[];
}

/** Renders the table of contents, beside the page; on a phone above it, and folded. */
export function renderContents(groups: readonly Group[], more: Readonly<Record<string, string>>): Html {
  return html`<nav aria-label="Contents">
    <details class="contents">
      <summary>Contents</summary>
      <div id="contents">
        <p><a href="#begin">Getting started</a></p>
        <p><a href="#security">Authentication</a></p>
        ${groups.map(
          ({ name, operations }) =>
            html`<p><a href="#${toAnchor(name)}">${name}</a></p>
              <ul>
                ${operations.map(renderEntry)}
              </ul>`,
        )}
        ${Object.entries(more).map(([anchor, title]) => html`<p><a href="#${anchor}">${title}</a></p>`)}
      </div>
    </details>
  </nav>`;
}

function renderEntry({ method, operation }: FoundOperation): Html {
  const { operationId, summary } = operation;
  return html`<li>
    <a href="#${toAnchor(operationId)}">${renderMethod(method)} <span>${summary ?? operationId}</span></a>
  </li>`;
}

/** Renders a method. Methods differ by more than their colour. */
export function renderMethod(method: string): Html {
  return html`<span class="method ${method.toLowerCase()}">${method}</span>`;
}
