import { Link } from '@tanstack/react-router';
import type { ApprovalResource } from 'longhaul/client';
import { DiffView } from '../../ui/code/diff-view.tsx';
import { JsonView } from '../../ui/code/json-view.tsx';
import { Tag } from '../../ui/status/tag.tsx';
import type { Tone } from '../../ui/status/tone.ts';
import { LongText } from '../../ui/text/long-text.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import { toEdit } from '../run/conversation/describe-tool.ts';
import { DecisionForm } from './decision-form.tsx';
import { toQuestions } from './questions.ts';
import classes from './approvals.module.css';

const TONES: Readonly<Record<ApprovalResource['status'], Tone>> = {
  pending: 'amber',
  allowed: 'green',
  denied: 'red',
  expired: 'gray',
  cancelled: 'gray',
};

/** Shows an approval: the request, its times, and the decision. */
export function ApprovalCard({ approval }: { readonly approval: ApprovalResource }) {
  const { kind, tool, status, agent, user, team, subagent, runId } = approval;
  const isPending = status === 'pending';
  return (
    <article className={classes['card']} aria-label={`${agent}: ${tool.name}`}>
      <header className={classes['head']}>
        <h2>{kind === 'question' ? `${agent} asks` : `${agent} wants to use ${toVisible(tool.name)}`}</h2>
        {!isPending && <Tag tone={TONES[status]}>{status}</Tag>}
        <Link to="/runs/$runId" params={{ runId }} className={classes['run']}>
          Open the run
        </Link>
      </header>
      <p className={classes['facts']}>
        {user !== null && (
          <span>
            for <bdi>{user}</bdi>
            {team !== null && (
              <>
                {' '}
                of <bdi>{team}</bdi>
              </>
            )}
          </span>
        )}
        {user === null && team !== null && (
          <span>
            for <bdi>{team}</bdi>
          </span>
        )}
        {subagent !== null && <span>by the sub-agent {toVisible(subagent)}</span>}
        <span>
          asked <Time at={approval.requestedAt} />
        </span>
        {isPending && (
          <span>
            denied <Time at={approval.expiresAt} /> if {kind === 'custom' ? 'no result comes' : 'nobody decides'}
          </span>
        )}
        {approval.decidedAt !== null && (
          <span>
            decided <Time at={approval.decidedAt} />
            {approval.decidedBy !== null && ` by ${approval.decidedBy}`}
          </span>
        )}
      </p>
      <Asked approval={approval} />
      {approval.reason !== null && (
        <blockquote className={classes['reason']}>
          <LongText text={approval.reason} isPlain />
        </blockquote>
      )}
      {!isPending && approval.updatedInput !== null && (
        <>
          <h3>{kind === 'question' ? 'Answers' : 'Allowed with this input'}</h3>
          <JsonView value={kind === 'question' ? approval.updatedInput['answers'] : approval.updatedInput} />
        </>
      )}
      {isPending && <DecisionForm approvalId={approval.id} kind={kind} input={tool.input} />}
    </article>
  );
}

function Asked({ approval: { kind, tool, status } }: { approval: ApprovalResource }) {
  if (kind === 'question') {
    if (status === 'pending') return null;
    return (
      <ul className={classes['questions']}>
        {toQuestions(tool.input).map(({ question }) => (
          <li key={question}>{toVisible(question)}</li>
        ))}
      </ul>
    );
  }
  const edit = toEdit(tool.name, tool.input);
  const { command, description, file_path: file } = (tool.input ?? {}) as Record<string, unknown>;
  return (
    <div className={classes['asked']}>
      {typeof description === 'string' && <p>{toVisible(description)}</p>}
      {edit !== null ? (
        <>
          {typeof file === 'string' && <p className="mono">{toVisible(file)}</p>}
          <DiffView before={edit.before} after={edit.after} />
        </>
      ) : typeof command === 'string' ? (
        <div className={classes['code']}>
          <LongText text={command} />
        </div>
      ) : (
        <div className={classes['code']}>
          <JsonView value={tool.input} />
        </div>
      )}
    </div>
  );
}
