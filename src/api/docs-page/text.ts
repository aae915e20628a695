import { html } from 'hono/html';

/** A piece of the page: what is put into it as text is escaped. */
export type Html = ReturnType<typeof html>;

/** A description: paragraphs, with `code` in backticks. */
export function renderText(text: string): Html {
  return html`${text.split(/\n\n+/).map((paragraph) => html`<p>${renderInline(paragraph)}</p>`)}`;
}

/** A description within a line. */
export function renderInline(text: string): Html {
  const parts = text.split('`');
  return html`${parts.map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}

/** A value as JSON, to be scrolled with the keyboard as well. */
export function renderJson(value: unknown, label: string): Html {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return html`<pre tabindex="0" role="region" aria-label="${label}"><code>${text}</code></pre>`;
}
