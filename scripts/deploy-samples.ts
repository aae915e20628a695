import { resolveConfig } from '../src/config/resolve.ts';
import { DEFAULT_CHOICES, toDeployFacts } from '../src/deploy/deploy-facts.ts';
import type { DeployFile } from '../src/deploy/deploy-file.ts';
import { DEPLOY_KINDS, toDeployFiles } from '../src/deploy/deployment.ts';

/** The smallest configuration: every option but an agent and its tools has its default. */
export const SAMPLE_CONFIG = { agents: { reader: { tools: ['Read', 'Grep', 'Glob'], workspace: './workspace' } } };

/** Returns the files of `deploy/`: what `longhaul deploy` prints for the default configuration. */
export function toDeploySamples(): DeployFile[] {
  const config = resolveConfig({ input: SAMPLE_CONFIG, baseDir: '/app', env: {} });
  const facts = toDeployFacts(config, { env: {}, choices: DEFAULT_CHOICES });
  return DEPLOY_KINDS.flatMap((kind) =>
    toDeployFiles(kind, facts).map(({ path, content }) => ({ path: `${kind}/${path}`, content })),
  );
}
