import type { Agent, Provider } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import { createAccountGovernor, type AccountGovernor } from './account-governor.ts';
import { toAccount } from './provider-account.ts';

/** The known limits of every account that agents use. A limit of one provider does not delay runs of another. */
export interface Governor extends Pick<AccountGovernor, 'findProviderLimit'> {
  /** Returns the governor of a provider's account, by the provider's name in the config. At least one agent must use the provider. */
  of(provider: string): AccountGovernor;
  close(): Promise<void>;
}

interface GovernorOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly agents: ReadonlyMap<string, Pick<Agent, 'model' | 'provider'>>;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Creates the governor with the accounts of all providers that agents use. */
export async function createGovernor({ providers, ...options }: GovernorOptions): Promise<Governor> {
  const { agents } = options;
  const byAccount = new Map<string, AccountGovernor>();
  const byProvider = new Map<string, AccountGovernor>();

  async function close(): Promise<void> {
    for (const governor of byAccount.values()) await governor.close();
  }

  try {
    for (const name of new Set([...agents.values()].map(({ provider }) => provider))) {
      const account = toAccount(providers.get(name) ?? { kind: 'scripted' });
      const governor = byAccount.get(account) ?? (await createAccountGovernor({ ...options, account }));
      byAccount.set(account, governor);
      byProvider.set(name, governor);
    }
  } catch (error) {
    await close();
    throw error;
  }

  function of(provider: string): AccountGovernor {
    const governor = byProvider.get(provider);
    if (governor === undefined) throw new Error(`No agent uses the provider ${JSON.stringify(provider)}.`);
    return governor;
  }

  return {
    of,
    async findProviderLimit(trx, agent) {
      const provider = agents.get(agent)?.provider;
      // An agent that is not in this configuration has no provider to wait for.
      return provider === undefined ? null : of(provider).findProviderLimit(trx, agent);
    },
    close,
  };
}
