/**
 * Milliseconds that a follower waits for a notification before it polls, because a lost notification is never noticed.
 */
export const LOOK_EVERY_MS = 5_000;

/** Milliseconds between polls while the database is unreachable, when no notification comes. */
export const AWAY_LOOK_EVERY_MS = 1_000;
