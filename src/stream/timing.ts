/** How long a follower waits for a notification before it looks for itself: no lost notification is ever noticed. */
export const LOOK_EVERY_MS = 5_000;

/** The same while the database is away: then no notification comes. */
export const AWAY_LOOK_EVERY_MS = 1_000;
