import { LonghaulError, toMessage } from '../../core/errors.ts';
import { inBackground } from '../../core/guard.ts';
import type { Receiver, WakeUpBackend } from './backend.ts';
import { createRedisLink } from './redis-link.ts';

/** Time for which a receiver waits for a wake-up, in seconds. */
const WAIT_SECONDS = 5;

/** Added to that time before Redis counts as silent, in ms. */
const GRACE_MS = 2_000;

/** Wake-ups sent with one command. */
const MOST_AT_ONCE = 1_000;

/** The errors of Redis that no wait can end. Their text begins with a word that says what is wrong. */
const REFUSAL = /^(?:WRONGPASS|NOAUTH|NOPERM|ERR (?:AUTH|invalid password|Client sent AUTH|DB index|invalid DB index))/;

/**
 * Stores wake-ups as the elements of one list for each queue. Nothing has to survive in Redis: neither persistence nor an
 * eviction policy is needed.
 */
export function createRedisBackend(url: string): WakeUpBackend {
  const commands = createRedisLink(url);
  let prefix = '';
  const keyOf = (queue: string) => prefix + queue;

  /** A write, so that a replica, a full memory and a disk that Redis cannot write to are noticed as well. */
  const probe = async () => {
    await commands.send(['SET', keyOf('probe'), '1', 'PX', '10000']);
  };

  function openReceiver(): Receiver {
    const waiting = createRedisLink(url, { needsId: true });
    return {
      async receive(queues) {
        const keys = queues.map(({ queue }) => keyOf(`queue:${queue}`));
        const withinMs = WAIT_SECONDS * 1_000 + GRACE_MS;
        const reply = await waiting.send(['BLPOP', ...keys, String(WAIT_SECONDS)], withinMs);
        if (!Array.isArray(reply)) return null;
        const key = String(reply[0]);
        return {
          queue: key.slice(keyOf('queue:').length),
          count: 1,
          accept: () => Promise.resolve(),
          giveBack: () => commands.send(['LPUSH', key, '1']).then(() => {}),
        };
      },
      interrupt() {
        const { id } = waiting;
        if (id === null) return;
        inBackground(
          () => commands.send(['CLIENT', 'UNBLOCK', id]),
          () => {}, // The wait ends by itself.
        );
      },
      close() {
        waiting.close();
        return Promise.resolve();
      },
    };
  }

  return {
    kind: 'redis',
    title: 'Redis',
    replaceEveryMs: 5_000,
    probeAfterMs: 1_900,
    async prepare(deploymentId) {
      // In braces, so that all keys of a deployment are in one slot of a cluster.
      prefix = `longhaul:{${deploymentId}}:`;
      try {
        await probe();
      } catch (error) {
        if (REFUSAL.test(toMessage(error))) throw refused(error);
        throw error;
      }
    },
    probe,
    async send(queue, count) {
      for (let left = count; left > 0; left -= MOST_AT_ONCE) {
        const elements = Array<string>(Math.min(left, MOST_AT_ONCE)).fill('1');
        await commands.send(['RPUSH', keyOf(`queue:${queue}`), ...elements]);
      }
    },
    async discard(queue, count) {
      await commands.send(['LPOP', keyOf(`queue:${queue}`), String(count)]);
    },
    count: async (queue) => Number(await commands.send(['LLEN', keyOf(`queue:${queue}`)])),
    divide: (queues) => (queues.length === 0 ? [] : [queues]),
    openReceiver,
    isBusy: () => false,
    close() {
      commands.close();
      return Promise.resolve();
    },
  };
}

function refused(cause: unknown): LonghaulError {
  return new LonghaulError('config_invalid', {
    message: `LONGHAUL_QUEUE_URL names a Redis that refuses Longhaul: ${toMessage(cause).replace(/\.$/, '')}. Check the user, the password, the number of the database and the rights; docs/queues.md lists the rights.`,
    cause,
  });
}
