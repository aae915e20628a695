import { LonghaulError, type FieldError } from '../core/errors.ts';
import { toQuestions } from '../core/questions.ts';
import type { Approval } from '../run/approvals/approval.ts';
import type { Decision } from '../run/approvals/decide-approval.ts';
import { checkJson } from './check-json.ts';
import type { DecisionRequest } from './contract.ts';

/**
 * Converts a received decision for a pending approval.
 * @throws {LonghaulError} `invalid_request` when it does not fit: answers for a tool, or none for a question; any decision
 * on a tool that the client runs.
 */
export function toDecision(request: DecisionRequest, waiting: Pick<Approval, 'kind' | 'tool'>): Decision {
  const { decision, reason = null, updatedInput, answers } = request;
  const errors = findErrors(request, waiting);
  if (errors.length > 0) throw new LonghaulError('invalid_request', { errors });
  if (decision === 'deny') return { status: 'denied', updatedInput: null, reason };
  const given = Object.entries(answers ?? {}).map(([question, answer]) => [
    question,
    Array.isArray(answer) ? answer.join(', ') : answer,
  ]);
  const input = waiting.kind === 'question' ? { answers: Object.fromEntries(given) } : (updatedInput ?? null);
  return { status: 'allowed', updatedInput: input, reason };
}

const DECIDED_BY_RESULT =
  "cannot be made here: the client of the session runs this tool, and its result decides (send user.custom_tool_result to the session's events)";

function findErrors(request: DecisionRequest, { kind, tool }: Pick<Approval, 'kind' | 'tool'>): FieldError[] {
  const { decision, updatedInput, answers } = request;
  if (kind === 'custom') return [{ path: 'decision', message: DECIDED_BY_RESULT }];
  const isAllowed = decision === 'allow';
  const errors: FieldError[] = [];
  if (!isAllowed && updatedInput !== undefined)
    errors.push({ path: 'updatedInput', message: 'must be left out of a denial' });
  if (!isAllowed && answers !== undefined) errors.push({ path: 'answers', message: 'must be left out of a denial' });
  if (!isAllowed || errors.length > 0) return errors;
  if (kind === 'tool') {
    if (answers !== undefined)
      errors.push({ path: 'answers', message: 'must be left out: the approval is not a question' });
    return [...errors, ...checkJson(updatedInput, 'updatedInput')];
  }
  if (updatedInput !== undefined)
    errors.push({ path: 'updatedInput', message: 'must be left out: a question is answered with answers' });
  const questions = toQuestions(tool.input).map(({ question }) => question);
  const missing = questions.filter((question) => !Object.hasOwn(answers ?? {}, question));
  if (missing.length > 0)
    errors.push({
      path: 'answers',
      message: `must answer ${missing.map((question) => JSON.stringify(question)).join(', ')}`,
    });
  const unknown = Object.keys(answers ?? {}).filter((question) => !questions.includes(question));
  return [
    ...errors,
    ...unknown.map((question) => ({ path: `answers.${question}`, message: 'must be one of the questions' })),
  ];
}
