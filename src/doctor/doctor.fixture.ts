import { resolveConfig } from '../config/resolve.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import type { CheckResult, Subject } from './check.ts';
import { CHECKS } from './checks.ts';
import { examine } from './examine.ts';

type AgentInput = LonghaulConfig['agents'][string];

export interface JudgeOptions {
  readonly agent?: Partial<AgentInput>;
  readonly config?: Partial<LonghaulConfig>;
  readonly env?: Readonly<Record<string, string>>;
  readonly database?: Subject['database'];
  readonly file?: string | null;
  readonly baseDir?: string;
}

/** Makes one check, by its id, of a deployment with these settings. */
export async function judge(id: string, options: JudgeOptions = {}): Promise<CheckResult> {
  const { agent = {}, env = {}, file = null, baseDir = '/srv/longhaul' } = options;
  const input = { agents: { reader: { tools: ['Read'], ...agent } }, ...options.config };
  const config = resolveConfig({ input, file, baseDir, env });
  const { database = { reason: 'not opened in this test', isFailure: false } } = options;
  const checks = CHECKS.filter((check) => check.id === id);
  const [result] = (await examine({ config, env, database, checks })).checks;
  if (result === undefined) throw new Error(`There is no check ${id}.`);
  return result;
}
