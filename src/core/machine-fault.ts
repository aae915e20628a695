import { toMessage } from './errors.ts';

/** What a machine lacks so that nothing can be begun on it: room on a disk, a file descriptor, memory, a process. */
export interface MachineFault {
  /** The system's code, such as `ENOSPC`. */
  readonly code: string;
  readonly message: string;
}

/** Those that say nothing of what was to be done, and everything of where. */
const CODES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Of a process that was to be started: there are as many as there may be. */
const CODES_OF_SPAWN = new Set(['EAGAIN']);

/** Those of one file system: another one of the machine may be sound. */
const CODES_OF_DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/** An error in a place that is the worker's own: whatever the system says, the machine is at fault. */
export class MachineFaultError extends Error {
  override readonly name = 'MachineFaultError';
  readonly code: string;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.code = toCode(cause) ?? 'unknown';
  }
}

/** What of the machine an error says, or what it came from; null when it is of another kind. */
export function findMachineFault(error: unknown): MachineFault | null {
  if (!(error instanceof Error)) return null;
  const code = toCode(error);
  const isOfMachine =
    error instanceof MachineFaultError ||
    (code !== null && (CODES.has(code) || (CODES_OF_SPAWN.has(code) && isOfSpawn(error))));
  if (isOfMachine && code !== null) return { code, message: error.message };
  return findMachineFault(error.cause);
}

/** An error that was met in trying whether the machine can be worked on, whatever it is. */
export function asMachineFault(error: unknown): MachineFault {
  return findMachineFault(error) ?? { code: toCode(error) ?? 'unknown', message: toMessage(error) };
}

/** Whether it is about one file system and not about the machine as a whole. */
export function isFaultOfDisk({ code }: MachineFault): boolean {
  return CODES_OF_DISK.has(code);
}

function toCode(error: unknown): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : null;
}

function isOfSpawn(error: Error): boolean {
  const { syscall } = error as { syscall?: unknown };
  return typeof syscall === 'string' && syscall.startsWith('spawn');
}
