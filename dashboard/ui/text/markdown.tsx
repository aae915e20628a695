import { memo, type ReactNode } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { ErrorBoundary } from '../states/error-boundary.tsx';
import { LongText } from './long-text.tsx';
import { toSafeUrl } from './safe-url.ts';
import { toVisible } from './to-visible.ts';
import classes from './text.module.css';

interface MarkdownProps {
  readonly text: string;
}

/** Longer texts are shown unformatted, because parsing them would block the browser. */
const LONGEST = 60_000;

/**
 * Renders Markdown of a model. HTML in it stays text, nothing is fetched for it, and a link shows its target and sends
 * no referrer.
 */
export const Markdown = memo(function Markdown({ text }: MarkdownProps) {
  if (text.length > LONGEST) return <LongText text={text} first={LONGEST / 4} isPlain />;
  return (
    // The parser fails on thousands of nested quotes.
    <ErrorBoundary fallback={<LongText text={text} isPlain />}>
      <div className={classes['markdown']}>
        <ReactMarkdown remarkPlugins={PLUGINS} components={COMPONENTS} urlTransform={(url) => url}>
          {toVisible(text)}
        </ReactMarkdown>
      </div>
    </ErrorBoundary>
  );
});

const PLUGINS = [remarkGfm];

const COMPONENTS: Components = {
  a: ({ href = '', children }) => <SafeLink url={href}>{children}</SafeLink>,
  // Loading an image would tell its server who reads this.
  img: ({ src, alt = '' }) => (
    <SafeLink url={typeof src === 'string' ? src : ''}>{alt === '' ? 'image' : `image: ${alt}`}</SafeLink>
  ),
  table: ({ children }) => (
    <div className={classes['scroll']}>
      <table>{children}</table>
    </div>
  ),
  th: ({ children, style }) => <th data-align={style?.textAlign}>{children}</th>,
  td: ({ children, style }) => <td data-align={style?.textAlign}>{children}</td>,
  pre: ({ children }) => <pre tabIndex={0}>{children}</pre>,
  input: ({ checked }) => <span aria-hidden>{checked === true ? '☑ ' : '☐ '}</span>,
};

function SafeLink({ url, children }: { url: string; children: ReactNode }) {
  const safe = toSafeUrl(url);
  if (safe === null) {
    return (
      <>
        {children} <span className={classes['target']}>({url === '' ? 'no address' : url.slice(0, 200)})</span>
      </>
    );
  }
  return (
    <>
      <a href={safe.href} target="_blank" rel="noopener noreferrer nofollow" title={safe.href}>
        {children}
      </a>
      {!isSame(children, safe) && <span className={classes['target']}> ({safe.host})</span>}
    </>
  );
}

/** Returns whether the text of a link shows its target. */
function isSame(children: ReactNode, { href, host }: { href: string; host: string }): boolean {
  return typeof children === 'string' && (href.startsWith(children) || children === host);
}
