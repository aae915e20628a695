import type { LonghaulEvent } from 'longhaul/client';

type RunErrorCode = LonghaulEvent<'run.failed'>['data']['error']['code'];

/** Advice to an operator for each error of a run. */
const ADVICE: Readonly<Record<RunErrorCode, string>> = {
  run_timeout:
    'Raise limits.timeoutSeconds of the agent, or give it less to do. The timeline shows what took the time.',
  max_turns:
    'Raise limits.maxTurns of the agent, or split the task. The conversation shows whether it went in circles.',
  max_budget: 'Raise limits.maxBudgetUsd of the agent, or use a cheaper model. The cost stays recorded.',
  user_budget: 'Raise the budget of this user under Budgets, or wait until it is renewed. Then retry the run.',
  team_budget: 'Raise the budget of this team under Budgets, or wait until it is renewed. Then retry the run.',
  global_budget:
    'Raise the budget of the whole service under Budgets, or wait until it is renewed. Then retry the run.',
  deadline_exceeded:
    'Retry the run. If it happens again, raise retry.deadlineSeconds of the agent, or find out why it waited.',
  cancelled: 'The run was cancelled. Retry it if it is still needed.',
  approval_denied: 'A step was denied. The conversation shows which one, and the reason.',
  provider_rate_limit: 'Retry later. If it happens often, ask the provider for higher limits or lower the concurrency.',
  provider_overloaded: 'Retry later: the provider is overloaded. Its status page may say how long that lasts.',
  provider_auth: 'The key of the model provider does not work. Put a valid one in the environment of the workers.',
  provider_billing: 'The account at the model provider cannot be used. Check its balance and payment.',
  provider_error: 'Retry the run. If it happens again, the raw events show what the provider answered.',
  provider_invalid_request:
    'The provider rejected the request. The detail says why; often the model does not support an option of the agent.',
  request_too_large: 'The conversation is too long for the model. Start a new one, or let the agent read less at once.',
  invalid_model:
    'This account has no access to the model, or the model does not exist. Correct the model of the agent in the configuration.',
  max_output_tokens: 'The answer was cut off. Ask for a shorter answer, or for several parts.',
  cli_not_found: 'Claude Code is not on that worker. Install the package again, or set LONGHAUL_CLAUDE_PATH.',
  cli_start_failed: 'Claude Code did not start. The detail of the attempt and the log of its worker say why.',
  cli_crashed: 'Retry the run. If it crashes again, the detail of the attempt has the exit code and the last output.',
  memory_exceeded: 'Raise limits.maxMemoryMb of the agent, or let it process less at once.',
  processes_exceeded: 'Raise sandbox.pids of the agent, or let it start less at once.',
  open_files_exceeded: 'Raise sandbox.openFiles of the agent, or let it open less at once.',
  disk_exceeded: 'Raise sandbox.diskMb of the agent, or let it write less.',
  sandbox_unavailable:
    'The agent requires a sandbox, and its worker has none. Install bubblewrap there; longhaul doctor says what is missing.',
  hung: 'Retry the run. If it hangs again, the last event shows where it stopped.',
  workspace_invalid: 'The directory of the agent is missing or cannot be used. Check workspace in the configuration.',
  structured_output_invalid: 'The answer did not fit the schema. Simplify outputSchema, or explain it in the prompt.',
  worker_lost: 'Retry the run. The worker disappeared: its log, or the log of its machine, says why.',
  internal_error: 'Retry the run. If it happens again, the log of the server has the details: report it as a bug.',
  model_refused: 'The model declined to answer. Change the prompt; the conversation shows what was said before.',
  answer_unfinished: 'Retry the run: the model stopped in the middle of its answer.',
  empty_answer: 'The model answered nothing. Retry the run, or say more clearly what the answer should contain.',
  poison_run: 'Do not retry it unchanged: it crashed more than one worker. Find the cause first.',
  mcp_server_failed: 'An MCP server of the agent did not start. Check its command and its log, then retry.',
};

/** Returns the advice for an error; null when this version does not know its code. */
export function toAdvice(code: string): string | null {
  return Object.hasOwn(ADVICE, code) ? ADVICE[code as RunErrorCode] : null;
}
