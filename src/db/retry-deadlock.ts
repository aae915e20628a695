import { hasFailedAsPrepared } from './prepared-statements.ts';

/** Two transactions have each waited for a row that the other has locked (PostgreSQL, appendix A). */
const DEADLOCK = '40P01';

const MAX_TRIES = 5;

/**
 * Repeats a transaction that PostgreSQL has rolled back because of a deadlock, or because a statement could not be
 * executed as it was prepared (`Database.preparedSql`).
 */
export async function retryDeadlock<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const isRepeatable = (error as { code?: unknown }).code === DEADLOCK || hasFailedAsPrepared(error);
      if (!isRepeatable || tries === MAX_TRIES) throw error;
    }
  }
}
