import { toMessage } from './errors.ts';

/** A shortage of the machine that prevents any work: disk space, file descriptors, memory or processes. */
export interface MachineFault {
  /** The system's code, such as `ENOSPC`. */
  readonly code: string;
  readonly message: string;
}

/** Codes that describe the machine, not the operation that failed. */
const CODES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Codes of a failed process start: the limit of processes is reached. */
const CODES_OF_SPAWN = new Set(['EAGAIN']);

/** Codes that concern one file system: another one of the machine may work. */
const CODES_OF_DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/** An error in a directory that belongs to the worker: whatever the code, the machine is at fault. */
export class MachineFaultError extends Error {
  override readonly name = 'MachineFaultError';
  readonly code: string;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.code = toCode(cause) ?? 'unknown';
  }
}

/** Returns the machine fault in an error or its causes; null when there is none. */
export function findMachineFault(error: unknown): MachineFault | null {
  if (!(error instanceof Error)) return null;
  const code = toCode(error);
  const isOfMachine =
    error instanceof MachineFaultError ||
    (code !== null && (CODES.has(code) || (CODES_OF_SPAWN.has(code) && isOfSpawn(error))));
  if (isOfMachine && code !== null) return { code, message: error.message };
  return findMachineFault(error.cause);
}

/** Returns an error of the check that the machine works, of whatever kind, as a machine fault. */
export function asMachineFault(error: unknown): MachineFault {
  return findMachineFault(error) ?? { code: toCode(error) ?? 'unknown', message: toMessage(error) };
}

/** Returns whether a fault concerns one file system and not the whole machine. */
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
