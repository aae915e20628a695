/** Two transactions have each waited for a row of the other's (PostgreSQL, appendix A). */
const DEADLOCK = '40P01';

const MAX_TRIES = 5;

/** Does a transaction again that PostgreSQL has undone because it and another waited for each other. */
export async function retryDeadlock<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: unknown }).code !== DEADLOCK || tries === MAX_TRIES) throw error;
    }
  }
}
