import type { Agent, Config } from '../config/config.ts';
import { toAccount } from '../config/provider-account.ts';
import { toModelKey } from '../core/model-names.ts';
import type { ProviderLimitState } from '../run/waiting/provider-limits.ts';

/** A limit of a provider that is in force, by the name of the provider in the configuration. */
export interface NamedLimit {
  readonly provider: string;
  /** `all`: every model of the account. */
  readonly model: string;
}

/** Returns the names of agents whose provider limits their model now: no worker can begin their runs. */
export function findLimitedAgents(limits: readonly ProviderLimitState[], config: Config): Set<string> {
  if (limits.length === 0) return new Set();
  const isLimited = ({ provider, model }: Agent) => {
    const account = accountOf(provider, config);
    return limits.some((limit) => limit.account === account && ['*', toModelKey(model)].includes(limit.model));
  };
  return new Set([...config.agents.values()].filter(isLimited).map(({ name }) => name));
}

/** Returns the limits of the accounts that the configuration names. */
export function nameLimits(limits: readonly ProviderLimitState[], config: Config): NamedLimit[] {
  return [...config.providers.keys()].flatMap((provider) => {
    const account = accountOf(provider, config);
    return limits
      .filter((limit) => limit.account === account)
      .map(({ model }) => ({ provider, model: model === '*' ? 'all' : model }));
  });
}

function accountOf(name: string, { providers }: Config): string | null {
  const provider = providers.get(name);
  return provider === undefined ? null : toAccount(provider);
}
