/** Longhaul itself, for actions that no caller requested. */
export const SYSTEM_ACTOR = 'system';

/** A person with access to the database who acted there without a server. */
export const DATABASE_ACTOR = 'database';

/** Names a worker as an actor: `worker:ID`. */
export function workerActor(workerId: string): string {
  return `worker:${workerId}`;
}

/** Names the caller with an API key as an actor: `key:ID (NAME)`, or without the name where it is unknown. */
export function keyActor({ keyId, name }: { readonly keyId: string; readonly name?: string | undefined }): string {
  return name === undefined ? `key:${keyId}` : `key:${keyId} (${name})`;
}
