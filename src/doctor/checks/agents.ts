import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Agent, Config } from '../../config/config.ts';
import { withoutHealthAgent } from '../../config/health-agent.ts';
import { isWithin } from '../../core/paths.ts';
import { ok, failed, warning, worst, type Check, type Finding } from '../check.ts';

/** A run above this is not limited in any useful way. */
const NO_CEILING_USD = 1_000;

/** Longest prompt that is still an instruction of a person. */
const LONG_PROMPT = 100_000;

/** Tools that change something, or reach other machines. */
const STRONG_TOOLS = new Set(['Bash', 'Write', 'Edit', 'NotebookEdit', 'WebFetch']);

const MEND_TOOLS = 'List only the tools that the agent needs, each by its name.';

/** Joins the findings about all agents of the configuration. */
function forEachAgent({ agents }: Config, judge: (agent: Agent) => Finding, otherwise: string): Finding {
  return worst(withoutHealthAgent(agents).map(judge), otherwise);
}

export const costCeiling: Check = {
  id: 'cost-ceiling',
  theme: 'agents',
  title: 'Each run has a cost ceiling',
  docs: 'docs/money.md#limit-one-run',
  examine: ({ config }) =>
    forEachAgent(
      config,
      ({ name, limits: { maxBudgetUsd: usd } }) => {
        const figure = `${name}: $${usd}`;
        const mend = `Lower agents.${name}.limits.maxBudgetUsd.`;
        if (usd >= NO_CEILING_USD) return failed(`${figure} for one run limits nothing`, mend);
        const day = config.alerts.dailyCostUsd;
        if (day !== null && usd > day)
          return warning(`${figure}: one run may cost more than alerts.dailyCostUsd`, mend);
        if (usd === 0) return warning(`${figure}: every run is refused`, `Raise agents.${name}.limits.maxBudgetUsd.`);
        return ok(figure);
      },
      'No agent.',
    ),
};

export const permissions: Check = {
  id: 'permissions',
  theme: 'agents',
  title: 'Agents may use only their tools, and few of them',
  docs: 'docs/agents.md#tools',
  examine: ({ config }) =>
    forEachAgent(
      config,
      ({ name, permissionMode, tools, ask }) => {
        if (permissionMode === 'bypassPermissions') {
          return failed(
            `${name}: bypassPermissions allows every tool use`,
            `Set agents.${name}.permissionMode: "dontAsk".`,
          );
        }
        if (permissionMode !== 'dontAsk') {
          return warning(
            `${name}: ${permissionMode} allows more than dontAsk`,
            `Leave agents.${name}.permissionMode out, unless its file edits need no rule.`,
          );
        }
        const wide = tools.filter((tool) => tool.endsWith('__*'));
        if (wide.length > 0) return warning(`${name}: ${wide.join(', ')} allows every tool of a server`, MEND_TOOLS);
        const strong = tools.filter((tool) => STRONG_TOOLS.has(tool) && !ask.includes(tool));
        return ok(
          `${name}: dontAsk, ${tools.length} tools${strong.length > 0 ? `, of them ${strong.join(', ')}` : ''}`,
        );
      },
      'No agent.',
    ),
};

export const promptValidation: Check = {
  id: 'prompt-validation',
  theme: 'agents',
  title: 'Prompts are validated',
  docs: 'docs/configuration.md#its-limits-agentsnamelimits',
  examine: ({ config }) =>
    forEachAgent(
      config,
      ({ name, limits: { maxPromptLength } }) =>
        maxPromptLength > LONG_PROMPT
          ? warning(
              `${name} accepts prompts of ${maxPromptLength} characters`,
              `Lower agents.${name}.limits.maxPromptLength to what people write.`,
            )
          : ok(`${name}: 1 to ${maxPromptLength} characters`),
      'No agent.',
    ),
};

export const retries: Check = {
  id: 'error-kinds',
  theme: 'agents',
  title: 'Each kind of error is handled',
  docs: 'docs/errors.md#errors-of-runs',
  examine: ({ config }) =>
    forEachAgent(
      config,
      ({ name, retry: { maxAttempts, deadlineSeconds } }) =>
        maxAttempts === 1
          ? warning(
              `${name} has one attempt: a lost worker or an overloaded provider fails its runs`,
              `Set agents.${name}.retry.maxAttempts to 2 or more, unless its runs must not be repeated.`,
            )
          : ok(`${name}: up to ${maxAttempts} attempts within ${deadlineSeconds} s where another can help`),
      'No agent.',
    ),
};

export const workspaces: Check = {
  id: 'workspaces',
  theme: 'agents',
  title: 'Agents work in separate directories',
  docs: 'docs/configuration.md#its-workspace-agentsnameworkspace',
  async examine({ config }) {
    const agents = withoutHealthAgent(config.agents);
    return worst(await Promise.all(agents.map((agent) => judgeWorkspace(agent, config))), 'No agent.');
  },
};

async function judgeWorkspace({ name, workspace }: Agent, { file }: Config): Promise<Finding> {
  const root = await realpath(workspace.root).catch(() => null);
  const mend = `Set agents.${name}.workspace to a directory that holds only what the agent works on, such as ./workspace.`;
  if (root === null) {
    // Other modes create it.
    if (workspace.mode !== 'shared')
      return ok(`${name}: ${workspace.root} (${workspace.mode}, created by the first run)`);
    return failed(`${name}: ${workspace.root} does not exist`, `Create it, or change agents.${name}.workspace.`);
  }
  if (!(await stat(root)).isDirectory()) return failed(`${name}: ${root} is not a directory`, mend);
  const app = file === null ? process.cwd() : path.dirname(file);
  const protectedPlaces = { 'the system': '/', 'a home directory': homedir(), 'the application itself': app };
  for (const [what, place] of Object.entries(protectedPlaces)) {
    const real = await realpath(place).catch(() => place);
    if (isWithin(real, root)) return failed(`${name}: ${root} is, or holds, ${what}`, mend);
  }
  return ok(`${name}: ${root} (${workspace.mode})`);
}
