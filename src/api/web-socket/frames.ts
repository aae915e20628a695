import type { EventResource, Problem } from '../contract.ts';

/** A frame sent to a client over a WebSocket. `id` is the client's name for the subscription. */
export type StreamFrame =
  /** The subscription has started after this cursor. */
  | { readonly type: 'subscribed'; readonly id: string; readonly cursor: number }
  /** To resume after the event, pass `cursor` as `after`. */
  | { readonly type: 'event'; readonly id: string; readonly cursor: number; readonly event: EventResource }
  /** The subscription has ended: its run is final, or the client has unsubscribed. */
  | { readonly type: 'end'; readonly id: string }
  /** The request of the client failed. Nothing else has changed. */
  | { readonly type: 'error'; readonly id: string | null; readonly problem: Problem }
  | { readonly type: 'pong' };

/** The reasons for the server to close a connection (RFC 6455, 7.4, and the registry of close codes). */
export const CLOSE_CODES = {
  /** The server stops or restarts: the client should reconnect. */
  goingAway: 1_001,
  /** The key was revoked, or the token has expired. */
  accessEnded: 1_008,
  /** An internal error. */
  failed: 1_011,
  /** The client does not read: it should reconnect and resume. */
  tooSlow: 1_013,
} as const;
