import type { Sandbox } from '../../config/config.ts';
import type { Breach } from '../outcome/agent-outcome.ts';

/** The parts of a sandbox that are watched from outside. */
export interface WatchedSandbox {
  readonly limits: Sandbox;
  /** Directories in which its processes write. */
  readonly directories: readonly string[];
  /** Returns the limit at which the kernel refused something or ended a process; null when it did not. */
  readonly findBreach: () => Breach | null;
}

/** The walls that the system puts around a process: a sandbox, or a weaker containment. */
export interface Enclosure {
  /** True when all its processes end with the first process. */
  readonly isNamespace: boolean;
  /** Variables that its processes need, besides the others. */
  readonly environment: Readonly<Record<string, string>>;
  /** Null without a sandbox. */
  readonly watched: WatchedSandbox | null;
  /** Builds the command that starts another one in it. `configDir` is a further directory of the process. */
  toCommand(options: CommandOptions): string[];
  /** Releases what only a start needs. Call it when the process has sent its first message. */
  noteStarted(): void;
  /** Releases everything. Call it after the end of its processes, also of a start that failed. */
  close(): Promise<void>;
}

export interface CommandOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly configDir: string;
}
