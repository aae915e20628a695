import type { Command } from './child.ts';

/** The worker asks for a start. */
export interface Request extends Command {
  readonly id: number;
}

/** The spawner reports on the start with this `id`, in this order. */
export type Report = { readonly id: number } &
  /** Comes with the worker's end of a pipe. Node drops it when the worker has no file descriptor left. */
  (
    | { readonly kind: 'stream'; readonly fd: number }
    | { readonly kind: 'started'; readonly pid: number }
    | { readonly kind: 'exited'; readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }
    /** The start failed. */
    | {
        readonly kind: 'failed';
        readonly message: string;
        readonly code: string | undefined;
        readonly syscall: string | undefined;
      }
  );
