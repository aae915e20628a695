/** Policies for a submission to a session whose last run is unfinished. Stored data: a name here is never changed. */
export const WHILE_BUSY = ['enqueue', 'reject', 'interrupt', 'steer'] as const;
