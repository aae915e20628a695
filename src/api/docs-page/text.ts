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

/** What a heading, or whatever else has a name, is linked to by. */
export function toAnchor(name: string | undefined): string {
  return (name ?? '').toLowerCase();
}

/** A link to a heading, beside it, for those who want to pass it on. */
export function renderLink(anchor: string, name: string): Html {
  return html`<a class="anchor" href="#${anchor}" aria-label="Link to ${name}">#</a>`;
}

interface Code {
  /** What it is, for those who cannot see where it stands. */
  readonly label: string;
  /** Above it. */
  readonly title: string | Html;
  readonly value: unknown;
}

/** A text, or a value as JSON, as code: to be scrolled with the keyboard as well. */
export function renderCode({ label, title, value }: Code): Html {
  const text = typeof value === 'string' ? html`${value}` : renderJson(value);
  return html`<figure>
    <figcaption>${title}</figcaption>
    <pre tabindex="0" role="region" aria-label="${label}"><code>${text}</code></pre>
  </figure>`;
}

/** JSON with the names of its fields set off. */
function renderJson(value: unknown): Html {
  const lines = JSON.stringify(value, null, 2).split(/^( *)("(?:[^"\\]|\\.)*")(?=: )/gm);
  // Of each field: what was before it, its indentation, its name.
  return html`${lines.map((part, index) => (index % 3 === 2 ? html`<b>${part}</b>` : part))}`;
}
