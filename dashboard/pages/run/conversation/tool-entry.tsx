import { UnstyledButton } from '@mantine/core';
import { ChevronDownIcon, ChevronRightIcon } from '@radix-ui/react-icons';
import type { ReactNode } from 'react';
import { useRights } from '../../../data/signed-in.ts';
import { DiffView } from '../../../ui/code/diff-view.tsx';
import { JsonView } from '../../../ui/code/json-view.tsx';
import { formatDuration } from '../../../ui/format/format.ts';
import { Tag } from '../../../ui/status/tag.tsx';
import { LongText } from '../../../ui/text/long-text.tsx';
import { toVisible } from '../../../ui/text/to-visible.ts';
import { Duration } from '../../../ui/time/time.tsx';
import { DecisionForm } from '../../approvals/decision-form.tsx';
import type { ToolItem } from '../log/run-log.ts';
import { describeInput, describeResult, toEdit } from './describe-tool.ts';
import classes from './conversation.module.css';

interface ToolEntryProps {
  readonly item: ToolItem;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
  /** Set when the run is finished: a missing result will not arrive. */
  readonly isOver: boolean;
}

/** A tool use on one line; opened, it shows input, result and decision. */
export function ToolEntry({ item, isOpen, onToggle, isOver }: ToolEntryProps) {
  const { name, input, result, denial, children } = item;
  const isPending = item.approval !== null && item.decision === null && !isOver;
  return (
    <div className={classes['tool']} data-pending={isPending || undefined}>
      <UnstyledButton className={classes['toolHead']} aria-expanded={isOpen} onClick={onToggle}>
        {isOpen ? <ChevronDownIcon /> : <ChevronRightIcon />}
        <span className={classes['toolName']}>{toVisible(name)}</span>
        <bdi className={classes['toolInput']}>{describeInput(input)}</bdi>
        <span className={classes['toolEnd']}>
          {children.length > 0 && <Tag tone="accent">sub-agent</Tag>}
          <ToolOutcome item={item} isOver={isOver} />
        </span>
      </UnstyledButton>
      {(isOpen || isPending) && (
        <div className={classes['toolBody']}>
          <ToolInput item={item} />
          {result !== null && (
            <Part title={result.isError ? 'Error' : 'Result'}>
              {result.content === '' ? (
                <p className={classes['quiet']}>No output.</p>
              ) : (
                <LongText text={result.content} />
              )}
              {result.isTruncated === true && (
                <p className={classes['quiet']}>The log keeps the first 8,000 characters of a result.</p>
              )}
            </Part>
          )}
          {denial !== null && (
            <Part title="Denied">
              <LongText text={denial} isPlain />
            </Part>
          )}
          {item.approval !== null && <Approval item={item} isOver={isOver} />}
        </div>
      )}
    </div>
  );
}

function ToolOutcome({ item, isOver }: { item: ToolItem; isOver: boolean }) {
  const { approval, decision, denial, result } = item;
  if (denial !== null || decision?.decision === 'deny') return <Tag tone="amber">denied</Tag>;
  if (approval !== null && decision === null && !isOver) return <Tag tone="amber">waits for a decision</Tag>;
  if (result === null) {
    if (isOver) return <Tag tone="gray">no result</Tag>;
    return <Duration from={item.at} to={null} />;
  }
  if (result.isUnfinished === true) return <Tag tone="gray">unfinished</Tag>;
  return (
    <>
      {result.isError ? (
        <Tag tone="red">failed</Tag>
      ) : (
        <bdi className={classes['quiet']}>{describeResult(result.content)}</bdi>
      )}
      <span className="numeric">{formatDuration(Date.parse(item.endedAt ?? item.at) - Date.parse(item.at))}</span>
    </>
  );
}

function ToolInput({ item: { name, input, askedInput } }: { item: ToolItem }) {
  const edit = toEdit(name, input);
  const path = describeInput(input);
  return (
    <>
      {edit === null ? (
        <Part title="Input">
          <JsonView value={input} />
        </Part>
      ) : (
        <Part title={`Edit of ${path}`}>
          <DiffView before={edit.before} after={edit.after} />
        </Part>
      )}
      {askedInput !== undefined && (
        <Part title="Original input of the agent, before the change">
          <JsonView value={askedInput} first={1_000} />
        </Part>
      )}
    </>
  );
}

function Approval({ item: { approval, approvalId, decision, input }, isOver }: { item: ToolItem; isOver: boolean }) {
  const { mayApprove } = useRights();
  if (decision !== null) {
    const by = decision.decidedBy === undefined ? '' : ` by ${decision.decidedBy}`;
    const words = {
      allow: approval?.kind === 'custom' ? 'The client has sent the result' : 'Allowed',
      deny: 'Denied',
      expired: approval?.kind === 'custom' ? 'No result came in time' : 'Nobody decided in time: denied',
      cancelled: 'Withdrawn',
    };
    return (
      <Part title="Decision">
        <p>
          {words[decision.decision]}
          {by}
          {decision.reason === undefined ? '.' : `: ${toVisible(decision.reason)}`}
        </p>
        {decision.updatedInput !== undefined && <JsonView value={decision.updatedInput} first={1_000} />}
      </Part>
    );
  }
  if (isOver || approval === null || approvalId === null) return null;
  return (
    <Part title={WAITS[approval.kind]}>
      {mayApprove || approval.kind === 'custom' ? (
        <DecisionForm approvalId={approvalId} kind={approval.kind} input={approval.tool.input ?? input} />
      ) : (
        <p className={classes['quiet']}>Your key may not decide: it lacks the scope approvals.</p>
      )}
    </Part>
  );
}

const WAITS = {
  tool: 'Waits for a decision',
  question: 'The agent asks',
  custom: 'Waits for a result',
} as const satisfies Record<string, string>;

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes['part']}>
      <h3>{toVisible(title)}</h3>
      {children}
    </section>
  );
}
