/** What becomes of a submission whose conversation an earlier run has. Stored data: a name here is never changed. */
export const WHILE_BUSY = ['enqueue', 'reject', 'interrupt', 'steer'] as const;

export type WhileBusy = (typeof WHILE_BUSY)[number];
