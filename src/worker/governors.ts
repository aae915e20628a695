import type { Agent, Provider } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import { createGovernor, type Governor } from './governor.ts';
import { toAccount } from './provider-account.ts';

/** The governors of every account that agents use. A limit of one provider does not delay runs of another. */
export interface Governors extends Pick<Governor, 'findProviderLimit'> {
  /** Returns the governor of a provider by its name in the config. At least one agent must use the provider. */
  of(provider: string): Governor;
  close(): Promise<void>;
}

interface GovernorsOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly agents: ReadonlyMap<string, Pick<Agent, 'model' | 'provider'>>;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Creates the governors of every account that agents use. */
export async function createGovernors({ providers, ...options }: GovernorsOptions): Promise<Governors> {
  const { agents } = options;
  const byAccount = new Map<string, Governor>();
  const byProvider = new Map<string, Governor>();

  async function close(): Promise<void> {
    for (const governor of byAccount.values()) await governor.close();
  }

  try {
    for (const name of new Set([...agents.values()].map(({ provider }) => provider))) {
      const account = toAccount(providers.get(name) ?? { kind: 'scripted' });
      const governor = byAccount.get(account) ?? (await createGovernor({ ...options, account }));
      byAccount.set(account, governor);
      byProvider.set(name, governor);
    }
  } catch (error) {
    await close();
    throw error;
  }

  function of(provider: string): Governor {
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
