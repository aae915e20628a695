import { Link } from '@tanstack/react-router';
import type { RunResource } from 'longhaul/client';
import { JsonView } from '../../ui/code/json-view.tsx';
import { DiffView } from '../../ui/code/diff-view.tsx';
import { RunStatusTag } from '../../ui/status/run-status.tsx';
import { Tag } from '../../ui/status/tag.tsx';
import { LongText } from '../../ui/text/long-text.tsx';
import { Markdown } from '../../ui/text/markdown.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import { shortId } from '../../ui/format/format.ts';
import { describeInput, toEdit } from '../run/conversation/describe-tool.ts';
import type { ThreadEntry } from './to-thread.ts';
import classes from './sessions.module.css';

interface SessionEntryProps {
  readonly entry: ThreadEntry;
  /** Undefined when the run is on another page of the session's runs. */
  readonly run: RunResource | undefined;
}

/** An entry of a thread. The first entry of a run is below the run's name. */
export function SessionEntry({ entry, run }: SessionEntryProps) {
  const { content, result, role, runId, at, isFirstOfRun } = entry;
  return (
    <div className={classes['entry']}>
      {isFirstOfRun && (
        <p className={classes['divider']}>
          <Link to="/runs/$runId" params={{ runId }}>
            Run {shortId(runId)}
          </Link>
          {run !== undefined && <RunStatusTag run={run} />}
          {at !== null && <Time at={at} />}
        </p>
      )}
      {content.type === 'text' &&
        (role === 'user' ? (
          <div className={classes['said']}>
            <LongText text={content.text} first={2_000} isPlain />
          </div>
        ) : (
          <Markdown text={content.text} />
        ))}
      {content.type === 'thinking' && content.text.trim() !== '' && (
        <details className={classes['tool']}>
          <summary>Thinking</summary>
          <LongText text={content.text} isPlain />
        </details>
      )}
      {content.type === 'tool_use' && (
        <details className={classes['tool']}>
          <summary>
            <strong>{toVisible(content.name)}</strong>
            <bdi className="mono">{describeInput(content.input)}</bdi>
            {result?.isError === true && <Tag tone="red">failed</Tag>}
          </summary>
          <ToolInput name={content.name} input={content.input} />
          {result !== null && (
            <>
              <h3>{result.isError ? 'Error' : 'Result'}</h3>
              <LongText text={result.text} />
            </>
          )}
        </details>
      )}
    </div>
  );
}

function ToolInput({ name, input }: { name: string; input: unknown }) {
  const edit = toEdit(name, input);
  return edit === null ? <JsonView value={input} /> : <DiffView before={edit.before} after={edit.after} />;
}
