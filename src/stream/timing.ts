/**
 * Milliseconds that a follower waits for a notification before it polls, because a lost notification is never noticed.
 */
export const LOOK_EVERY_MS = 5_000;

/**
 * Milliseconds that a client may leave data unread in the memory of this process, whatever carries it: a stream of
 * server-sent events, or frames of a WebSocket. It can resume with its cursor.
 */
export const READER_STALL_MS = 30_000;

/**
 * Milliseconds that the connection of a stream over HTTP may transport nothing. Shorter than `READER_STALL_MS`, because
 * the heartbeat every 5 s makes silence certain: the kernel, too, has buffered all that it can for a client that does
 * not read or has lost its network.
 */
export const CONNECTION_STALL_MS = 20_000;

/** Milliseconds between polls while the database is unreachable, when no notification comes. */
export const AWAY_LOOK_EVERY_MS = 1_000;
