import { isDatabaseAway } from '../db/is-database-away.ts';

/** Reads from the database; null when the database is unreachable. */
export async function nullIfAway<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (isDatabaseAway(error)) return null;
    throw error;
  }
}
