import type { Agent } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import { toModelKey } from '../core/model-names.ts';
import { head } from '../core/text.ts';
import { repeat } from '../core/timers.ts';
import { CHANNELS, type Database, type Transaction } from '../db/database.ts';
import type { Governor as GatewayGovernor, ProviderLimit, StandingLimit } from '../gateway/governor.ts';
import { wakeRuns } from '../run/waiting/wake-runs.ts';
import type { Queue } from '../queue/queue.ts';
import { createBackgroundWork } from './background-work.ts';
import {
  deleteLimit,
  mayProbe,
  notify,
  PROBE_EVERY_MS,
  readLimits,
  recordLimit,
  type KnownLimit,
} from './provider-limits.ts';

/** The limits of one account of a provider that the fleet knows, as one worker reads and extends them. */
export interface AccountGovernor extends GatewayGovernor {
  /**
   * Returns the time until which runs of an agent must not start, or null when they may. After the time that the
   * provider named, one run at a time probes the limit until a call is answered. Part of the claim's transaction: a
   * claim that is rolled back has not probed.
   */
  findProviderLimit(trx: Transaction, agent: string): Promise<Date | null>;
  close(): Promise<void>;
}

/** Stands for every model of an account. */
const ALL_MODELS = '*';

/** Interval at which all limits are read again, for the case that a notification was lost. */
const READ_EVERY_MS = 5_000;

/** Spread of the time at which waiting runs come back, so that they do not all start at once. */
const SPREAD_MS = 5_000;

interface GovernorOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly agents: ReadonlyMap<string, Pick<Agent, 'model'>>;
  /** The account's id from `toAccount` (`provider-account.ts`). */
  readonly account: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

interface State extends GovernorOptions {
  /** By model; `ALL_MODELS` has those of the whole account. */
  limits: Map<string, KnownLimit>;
}

/** Creates a governor that follows what all workers with the same account learn about its limits. */
export async function createAccountGovernor(options: GovernorOptions): Promise<AccountGovernor> {
  const { database, agents, account, log } = options;
  const state: State = { ...options, limits: new Map() };
  let isClosed = false;
  const background = createBackgroundWork();

  /** Runs `work` in the background: a model call does not wait until its limit is recorded. */
  function inBackground(failure: string, work: () => Promise<unknown>): void {
    if (!isClosed) background.track(work(), (err) => log.warn({ err }, failure));
  }

  const readSoon = () => inBackground("the provider's limits could not be read", () => read(state));
  const stopListening = await database.listen(
    CHANNELS.provider,
    (payload) => {
      if (payload === account) readSoon();
    },
    readSoon,
  );
  const timer = repeat(READ_EVERY_MS, readSoon);
  await read(state);

  return {
    onLimit: (limit) => inBackground('a limit of the provider could not be recorded', () => note(state, limit)),
    onAnswer(model) {
      for (const place of placesOf(state, model)) {
        // An answer to a call from before the limit does not show that the limit has ended.
        if ((state.limits.get(place)?.untilMs ?? Infinity) > Date.now()) continue;
        inBackground('the end of a limit of the provider could not be recorded', () => forget(state, place));
      }
    },
    limitOf: (model) => findStanding(state, model),
    async findProviderLimit(trx, agent) {
      for (const model of placesOf(state, agents.get(agent)?.model ?? '')) {
        const { untilMs } = state.limits.get(model)!;
        if (untilMs > Date.now()) return new Date(untilMs + Math.random() * SPREAD_MS);
        if (await mayProbe(trx, { account, model })) continue;
        return new Date(Date.now() + PROBE_EVERY_MS + Math.random() * SPREAD_MS);
      }
      return null;
    },
    async close() {
      isClosed = true;
      clearInterval(timer);
      await stopListening();
      await background.ended();
    },
  };
}

async function read(state: State): Promise<void> {
  state.limits = await readLimits(state.database, state.account);
}

async function note(state: State, { model, isAccountWide, ...met }: ProviderLimit): Promise<void> {
  const { database, account, log } = state;
  const place = isAccountWide ? ALL_MODELS : toModelKey(model);
  const isNew = !state.limits.has(place);
  await recordLimit(database, { ...met, account, model: place });
  await read(state);
  const until = state.limits.get(place)?.untilMs;
  if (!isNew) return;
  const untilText = until === undefined ? null : new Date(until).toISOString();
  log.warn(
    { account, model: place, kind: met.kind, until: untilText, detail: head(met.message, 500) },
    'the model provider has reached a limit: runs that need it wait',
  );
}

async function forget(state: State, model: string): Promise<void> {
  const { database, queue, account, log } = state;
  const isDeleted = await deleteLimit(database, { account, model });
  state.limits.delete(model);
  if (!isDeleted) return;
  await notify(database, account);
  const woken = await wakeRuns({ database, queue }, { waitingFor: 'provider_limit' });
  log.info({ account, model, woken }, 'the model provider answers again: waiting runs are queued');
}

/** Lists the known limits that apply to a model. */
function placesOf({ limits }: State, model: string): string[] {
  return limits.size === 0 ? [] : [ALL_MODELS, toModelKey(model)].filter((place) => limits.has(place));
}

/** Finds the limit that applies to a model now, and longest. */
function findStanding(state: State, model: string): StandingLimit | null {
  const standing = placesOf(state, model)
    .map((place) => state.limits.get(place)!)
    .filter(({ untilMs }) => untilMs > Date.now())
    .sort((a, b) => b.untilMs - a.untilMs)[0];
  if (standing === undefined) return null;
  return {
    resetAt: standing.untilMs,
    code: standing.kind === 'overloaded' ? 'provider_overloaded' : 'provider_rate_limit',
    message: 'The model provider has reached a limit. The run waits until the limit ends.',
  };
}
