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

/** Beyond this nobody reads it as a page, and taking it apart would hold the browser up. */
const LONGEST = 60_000;

/**
 * What a model wrote, as it meant it to look. HTML in it stays text, nothing is fetched for it, and a link says where it
 * leads and does not say where from.
 */
export const Markdown = memo(function Markdown({ text }: MarkdownProps) {
  if (text.length > LONGEST) return <LongText text={text} first={LONGEST / 4} isPlain />;
  return (
    // Thousands of quotes within quotes are more than it can take apart.
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
  // An image from elsewhere would tell its server who reads this.
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

/** Whether what is pressed says itself where it leads. */
function isSame(children: ReactNode, { href, host }: { href: string; host: string }): boolean {
  return typeof children === 'string' && (href.startsWith(children) || children === host);
}
