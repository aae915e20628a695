/** A number of wake-ups of one queue that this process received and has not settled yet. */
export interface Delivery {
  readonly queue: string;
  readonly count: number;
  /** Removes the wake-ups for good: the claim that they caused has ended. */
  accept(): Promise<void>;
  /** Gives the wake-ups to another worker. */
  giveBack(): Promise<void>;
}

/** Receives wake-ups over connections that nothing else uses. */
export interface Receiver {
  /** Waits some seconds for wake-ups of queues with room, the first queue first. Resolves to null when none came. */
  receive(queues: readonly { readonly queue: string; readonly room: number }[]): Promise<Delivery | null>;
  /** Ends the wait early where that loses nothing. */
  interrupt(): void;
  close(): Promise<void>;
}

/**
 * Stores wake-ups outside the database. They have no content: each means that a queue has another run. Every function
 * rejects when the backend does not answer in time, also when it is silent.
 */
export interface WakeUpBackend {
  readonly kind: 'redis' | 'sqs';
  /** Its name in logs. */
  readonly title: string;
  /** Shortest interval at which lost wake-ups are replaced, in ms: the counts are exact only after about that time. */
  readonly replaceEveryMs: number;
  /** Time without an answer after which the backend is probed, in ms. */
  readonly probeAfterMs: number;
  /**
   * Makes the queues ready, under names that only this deployment uses.
   * @throws {LonghaulError} `config_invalid` when credentials, rights or names are wrong; another error when the backend
   * cannot be reached.
   */
  prepare(deploymentId: string, queues: readonly string[]): Promise<void>;
  /** Resolves when wake-ups can be sent. */
  probe(): Promise<void>;
  send(queue: string, count: number): Promise<void>;
  /** Removes up to `count` wake-ups that are available, without a wait. */
  discard(queue: string, count: number): Promise<void>;
  /** Counts the wake-ups that no worker has received. */
  count(queue: string): Promise<number>;
  /** Divides queues among receivers. */
  divide(queues: readonly string[]): readonly (readonly string[])[];
  openReceiver(): Receiver;
  /** Returns whether an error says that the backend is busy, and not that it is away. */
  isBusy(error: unknown): boolean;
  close(): Promise<void>;
}
