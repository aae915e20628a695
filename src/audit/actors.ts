/** Longhaul itself, where nobody asked for it. */
export const SYSTEM_ACTOR = 'system';

/** Whoever has access to the database, and did it there without a server. */
export const DATABASE_ACTOR = 'database';

/** A worker as an actor: `worker:ID`. */
export function workerActor(workerId: string): string {
  return `worker:${workerId}`;
}

/** Whoever called with an API key as an actor: `key:ID (NAME)`, or without the name where it is not at hand. */
export function keyActor({ keyId, name }: { readonly keyId: string; readonly name?: string | undefined }): string {
  return name === undefined ? `key:${keyId}` : `key:${keyId} (${name})`;
}
