import type { Logger } from '../src/core/log.ts';

/** Prints the warnings and errors of Longhaul's parts in the bench's own process. */
export const LOG: Logger = { debug() {}, info() {}, warn: console.error, error: console.error, fatal: console.error };
