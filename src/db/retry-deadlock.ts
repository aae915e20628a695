/** Two transactions have each waited for a row that the other has locked (PostgreSQL, appendix A). */
const DEADLOCK = '40P01';

const MAX_TRIES = 5;

/** Repeats a transaction that PostgreSQL has rolled back because of a deadlock. */
export async function retryDeadlock<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: unknown }).code !== DEADLOCK || tries === MAX_TRIES) throw error;
    }
  }
}
