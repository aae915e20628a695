import { expect, test } from 'vitest';
import { judgeOutcome, type OutcomeFacts } from './outcome.ts';

type Result = NonNullable<OutcomeFacts['result']>;

const SUCCESS: Result = {
  subtype: 'success',
  isError: false,
  text: 'the answer',
  terminalReason: 'completed',
  stopReason: 'end_turn',
  apiErrorStatus: null,
  startupFailureReason: null,
  errors: [],
};
const API_ERROR: Result = { ...SUCCESS, isError: true, text: 'API Error', terminalReason: 'api_error' };
const LIMIT: Result = { ...SUCCESS, isError: true, subtype: 'error_max_turns', text: '' };
const ABORTED: Result = { ...LIMIT, subtype: 'error_during_execution', terminalReason: 'aborted_tools' };

const NOTHING: OutcomeFacts = {
  result: null,
  answer: 'the answer',
  needsAnswer: true,
  lastStopReason: null,
  refusalCategory: null,
  thrown: null,
  assistantError: null,
  providerFailure: null,
  stopReason: null,
  breach: null,
  isInitialized: true,
  isStartTimedOut: false,
  exitCode: 0,
  signal: null,
  stderrTail: '',
};

const provider = (kind: string) => ({ kind, status: null, message: 'what happened' });
const apiStatus = (apiErrorStatus: number | null): Partial<OutcomeFacts> => ({
  result: { ...API_ERROR, apiErrorStatus },
});

test.each<[string, Partial<OutcomeFacts>]>([
  ['by itself', {}],
  ['while it was being stopped', { stopReason: 'cancelled', signal: 'SIGKILL' }],
  ['after an earlier failure of the provider', { providerFailure: provider('overloaded') }],
])('a success that came %s is a success', (_, facts) => {
  expect(judgeOutcome({ ...NOTHING, result: SUCCESS, ...facts })).toEqual({
    status: 'succeeded',
    result: 'the answer',
  });
});

test.each([
  ['in several pieces is complete', 'Part 1.\n\nthe answer', 'Part 1.\n\nthe answer'],
  ['whose last piece ends in white space too', 'Part 1.\n\nthe answer \n', 'Part 1.\n\nthe answer \n'],
  ['that Claude Code made up is kept', 'Let me see.', 'the answer'],
])('an answer %s', (_, answer, result) => {
  expect(judgeOutcome({ ...NOTHING, result: SUCCESS, answer })).toEqual({ status: 'succeeded', result });
});

test.each<[string, string, Partial<Result>]>([
  ['a refusal', 'model_refused', { ...API_ERROR, stopReason: 'refusal' }],
  ['a refusal that looks like a success', 'model_refused', { stopReason: 'refusal' }],
  ['a turn that was paused within its text', 'answer_unfinished', { stopReason: 'pause_turn' }],
  [
    'a turn that was paused within a tool of the provider',
    'answer_unfinished',
    { subtype: 'error_during_execution', isError: true, stopReason: 'pause_turn' },
  ],
  ['an answer cut by its length', 'max_output_tokens', { stopReason: 'max_tokens' }],
  [
    'an answer for which the context window was too small',
    'request_too_large',
    { stopReason: 'model_context_window_exceeded' },
  ],
])('%s is %s', (_, code, changes) => {
  const result = { ...SUCCESS, ...changes };
  expect(judgeOutcome({ ...NOTHING, result })).toMatchObject({ status: 'failed', code });
});

test('a refusal names its category if it is known', () => {
  const result = { ...API_ERROR, stopReason: 'refusal' };
  const outcome = judgeOutcome({ ...NOTHING, result, refusalCategory: 'cyber' });
  expect(outcome).toMatchObject({ code: 'model_refused', category: 'cyber' });
  expect(judgeOutcome({ ...NOTHING, result })).not.toHaveProperty('category');
});

test('a call that failed after a refusal counts by its status', () => {
  const result = { ...API_ERROR, stopReason: 'refusal', apiErrorStatus: 529 };
  expect(judgeOutcome({ ...NOTHING, result })).toMatchObject({ code: 'provider_overloaded' });
});

test('a full context window is distinguished from an answer that is too long', () => {
  const facts = { result: { ...API_ERROR, stopReason: 'stop_sequence' }, assistantError: 'max_output_tokens' };
  const lastStopReason = 'model_context_window_exceeded';
  expect(judgeOutcome({ ...NOTHING, ...facts, lastStopReason })).toMatchObject({ code: 'request_too_large' });
  expect(judgeOutcome({ ...NOTHING, ...facts, lastStopReason: 'max_tokens' })).toMatchObject({
    code: 'max_output_tokens',
  });
  expect(judgeOutcome({ ...NOTHING, ...facts })).toMatchObject({ code: 'max_output_tokens' });
});

test('an end without text is no answer, unless a tool was used or the answer has a schema', () => {
  const empty = { ...NOTHING, result: { ...SUCCESS, text: ' \n' }, answer: '' };
  expect(judgeOutcome(empty)).toMatchObject({ status: 'failed', code: 'empty_answer' });
  expect(judgeOutcome({ ...empty, needsAnswer: false })).toMatchObject({ status: 'succeeded' });
  const formed = { ...empty, result: { ...empty.result, structuredOutput: {} } };
  expect(judgeOutcome(formed)).toMatchObject({ status: 'succeeded' });
});

test('an answer whose last piece is empty consists of the earlier pieces', () => {
  const result = { ...SUCCESS, text: '' };
  expect(judgeOutcome({ ...NOTHING, result, answer: 'One.' })).toEqual({ status: 'succeeded', result: 'One.' });
});

test('a structured answer comes with the result', () => {
  const result = { ...SUCCESS, structuredOutput: { a: 1 } };
  expect(judgeOutcome({ ...NOTHING, result })).toMatchObject({ structuredOutput: { a: 1 } });
});

test.each<[string, Partial<OutcomeFacts>]>([
  ['without a result', { signal: 'SIGKILL' }],
  ['with the result of an interrupt', { result: ABORTED }],
  ['with a failed call of the model', apiStatus(500)],
])('an attempt that we ended %s is stopped, for our reason', (_, facts) => {
  const outcome = judgeOutcome({ ...NOTHING, ...facts, stopReason: 'handed_back' });
  expect(outcome).toEqual({ status: 'stopped', reason: 'handed_back' });
});

test.each<[string, string, Partial<OutcomeFacts>]>([
  ['max_turns', 'the limit of turns', { result: LIMIT }],
  ['max_turns', 'the limit of turns, reached while it was being stopped', { result: LIMIT, stopReason: 'handed_back' }],
  ['max_budget', 'the limit of cost', { result: { ...LIMIT, subtype: 'error_max_budget_usd' } }],
  [
    'structured_output_invalid',
    'an answer that does not fit the schema',
    { result: { ...LIMIT, subtype: 'error_max_structured_output_retries' } },
  ],

  ['provider_invalid_request', 'status 400', apiStatus(400)],
  ['provider_auth', 'status 401', apiStatus(401)],
  ['provider_auth', 'status 403', apiStatus(403)],
  ['invalid_model', 'status 404', apiStatus(404)],
  ['request_too_large', 'status 413', { result: { ...API_ERROR, terminalReason: 'image_error', apiErrorStatus: 413 } }],
  ['request_too_large', 'a prompt too long', { result: { ...API_ERROR, terminalReason: 'prompt_too_long' } }],
  ['provider_rate_limit', 'status 429', apiStatus(429)],
  ['provider_error', 'status 500', apiStatus(500)],
  ['provider_error', 'status 504', apiStatus(504)],
  ['provider_overloaded', 'status 529', apiStatus(529)],
  ['provider_invalid_request', 'an unknown status of the caller', apiStatus(418)],

  ['provider_error', 'silence, by 402', { ...apiStatus(402), providerFailure: provider('silent') }],
  ['provider_auth', 'refused credentials, by 402', { ...apiStatus(402), providerFailure: provider('auth') }],
  ['provider_billing', 'no money at the provider, by 402', { ...apiStatus(402), providerFailure: provider('refused') }],
  [
    'user_budget',
    'our own rejection, by 402',
    { ...apiStatus(402), providerFailure: { ...provider('refused'), code: 'user_budget' } },
  ],
  ['provider_error', '402 out of nowhere', apiStatus(402)],
  ['provider_error', 'an unreachable provider', { ...apiStatus(null), providerFailure: provider('unreachable') }],
  ['provider_error', 'a failure of a new kind', { ...apiStatus(null), providerFailure: provider('novelty') }],
  ['provider_error', 'a broken connection', { ...apiStatus(null), assistantError: 'unknown' }],
  ['provider_rate_limit', 'a rate limit without a status', { ...apiStatus(null), assistantError: 'rate_limit' }],
  ['provider_auth', 'no key at all', { ...apiStatus(null), assistantError: 'authentication_failed' }],
  ['max_output_tokens', 'an endless answer', { ...apiStatus(null), assistantError: 'max_output_tokens' }],
  [
    'provider_overloaded',
    'a status, whatever failed before',
    { ...apiStatus(529), providerFailure: provider('silent') },
  ],

  ['cli_start_failed', 'a known failure to start', { result: { ...ABORTED, startupFailureReason: 'sandbox' } }],
  ['cli_crashed', 'an interrupt that was not ours', { result: ABORTED }],

  ['cli_not_found', 'a missing executable', { isInitialized: false, thrown: thrown('executable_not_found') }],
  ['cli_start_failed', 'no message in time', { isInitialized: false, isStartTimedOut: true, signal: 'SIGTERM' }],
  ['cli_start_failed', 'a bad exit before the start', { isInitialized: false, exitCode: 3 }],
  [
    'cli_crashed',
    'a kill after the start',
    { exitCode: null, signal: 'SIGKILL', thrown: thrown('process_killed_by_signal') },
  ],
  ['cli_crashed', 'a bad exit after the start', { exitCode: 1, thrown: thrown('process_exited_nonzero') }],
  ['cli_crashed', 'a quiet exit without a result', {}],
  ['cli_crashed', 'a crash after a failed call', { exitCode: 1, providerFailure: provider('overloaded') }],
])('%s: %s', (code, _, facts) => {
  expect(judgeOutcome({ ...NOTHING, ...facts })).toMatchObject({ status: 'failed', code });
});

test('the detail contains the known facts for an operator', () => {
  const outcome = judgeOutcome({
    ...NOTHING,
    exitCode: 3,
    isInitialized: false,
    thrown: thrown('initialize_timeout'),
    providerFailure: provider('silent'),
    stderrTail: 'no such option\n',
  });
  expect(outcome).toHaveProperty(
    'detail',
    'Claude Code ended without a result · exit code 3 · it broke · provider: silent, what happened · stderr: no such option',
  );
});

test.each(['process_exited_nonzero', 'process_killed_by_signal'])(
  "the detail leaves out the SDK's message about an exit that is already described: %s",
  (errorClass) => {
    const outcome = judgeOutcome({ ...NOTHING, exitCode: null, signal: 'SIGKILL', thrown: thrown(errorClass) });
    expect(outcome).toHaveProperty('detail', 'Claude Code ended without a result · signal SIGKILL');
  },
);

function thrown(errorClass: string) {
  return { errorClass, message: 'it broke' };
}
