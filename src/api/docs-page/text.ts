import { html } from 'hono/html';

/** A piece of the page. Text that is put into it is escaped. */
export type Html = ReturnType<typeof html>;

/** Renders a description: paragraphs, with `code` in backticks. */
export function renderText(text: string): Html {
  return html`${text.split(/\n\n+/).map((paragraph) => html`<p>${renderInline(paragraph)}</p>`)}`;
}

/** Renders a description within a line. */
export function renderInline(text: string): Html {
  const parts = text.split('`');
  return html`${parts.map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}

/** Returns the anchor of a heading, or of anything else with a name. */
export function toAnchor(name: string | undefined): string {
  return (name ?? '').toLowerCase();
}

/** Renders a link beside a heading, for readers who want to share it. */
export function renderLink(anchor: string, name: string): Html {
  return html`<a class="anchor" href="#${anchor}" aria-label="Link to ${name}">#</a>`;
}

interface Code {
  /** A label for screen readers. */
  readonly label: string;
  /** The caption above the code. */
  readonly title: string | Html;
  readonly value: unknown;
}

/** Renders a text, or a value as JSON, as code that the keyboard can scroll as well. */
export function renderCode({ label, title, value }: Code): Html {
  const text = typeof value === 'string' ? html`${value}` : renderJson(value);
  return html`<figure>
    <figcaption>${title}</figcaption>
    <pre tabindex="0" role="region" aria-label="${label}"><code>${text}</code></pre>
  </figure>`;
}

/** Renders JSON with highlighted field names. */
function renderJson(value: unknown): Html {
  const lines = JSON.stringify(value, null, 2).split(/^( *)("(?:[^"\\]|\\.)*")(?=: )/gm);
  // For each field: the text before it, its indentation, its name.
  return html`${lines.map((part, index) => (index % 3 === 2 ? html`<b>${part}</b>` : part))}`;
}
