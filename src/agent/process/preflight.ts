import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { toMessage } from '../../core/errors.ts';
import type { Refusal } from '../outcome/agent-outcome.ts';
import type { ClaudeSpec } from './claude-spec.ts';
import { findExecutable } from './executable.ts';

/** Finds the executable, or the reason why nothing should be started. */
export async function preflight(
  spec: Pick<ClaudeSpec, 'limits' | 'workspaceDir' | 'claudePath'>,
): Promise<{ executable: string } | Refusal> {
  return findExhaustedLimit(spec) ?? (await findWorkspaceProblem(spec.workspaceDir)) ?? (await locate(spec.claudePath));
}

/** A limit of 0 means zero. The executable rejects a 0, or treats it as no limit. */
function findExhaustedLimit({ limits }: Pick<ClaudeSpec, 'limits'>): Refusal | null {
  if (limits.maxBudgetUsd <= 0) return failed('max_budget', 'maxBudgetUsd is 0');
  if (limits.maxTurns <= 0) return failed('max_turns', 'maxTurns is 0');
  return limits.timeoutSeconds <= 0 ? failed('run_timeout', 'timeoutSeconds is 0') : null;
}

/** Checked here because a missing directory would be reported as a broken executable. */
async function findWorkspaceProblem(workspaceDir: string): Promise<Refusal | null> {
  try {
    if (!(await stat(workspaceDir)).isDirectory()) {
      return failed('workspace_invalid', `the workspace ${workspaceDir} is not a directory`);
    }
    await access(workspaceDir, constants.R_OK | constants.X_OK);
    return null;
  } catch (error) {
    return failed('workspace_invalid', `the workspace cannot be used: ${toMessage(error)}`);
  }
}

async function locate(claudePath: ClaudeSpec['claudePath']): Promise<{ executable: string } | Refusal> {
  const found = await findExecutable(claudePath);
  return 'path' in found ? { executable: found.path } : failed('cli_not_found', found.problem);
}

function failed(code: Refusal['code'], detail: string): Refusal {
  return { status: 'failed', code, detail };
}
