import type { EventResource, Problem } from '../contract.ts';

/** What is sent over a WebSocket. `id` is the reader's name for the subscription. */
export type StreamFrame =
  /** It has begun, behind this cursor. */
  | { readonly type: 'subscribed'; readonly id: string; readonly cursor: number }
  /** `cursor` goes into `after` to resume behind the event. */
  | { readonly type: 'event'; readonly id: string; readonly cursor: number; readonly event: EventResource }
  /** Nothing more comes of it: its run is final, or it was unsubscribed. */
  | { readonly type: 'end'; readonly id: string }
  /** What was asked for was not done. Nothing else has changed. */
  | { readonly type: 'error'; readonly id: string | null; readonly problem: Problem }
  | { readonly type: 'pong' };

/** Why the server ends a connection (RFC 6455, 7.4, and the registry of close codes). */
export const CLOSE_CODES = {
  /** It stops, or restarts: come again. */
  goingAway: 1_001,
  /** The key was revoked, or the token has expired. */
  accessEnded: 1_008,
  /** Something failed inside. */
  failed: 1_011,
  /** The reader takes nothing: come again, and resume. */
  tooSlow: 1_013,
} as const;
