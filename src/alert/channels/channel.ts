import type { AlertContent, Happening } from '../alert.ts';

/** What is told of an alert. The same `id` means the same telling, however often it comes. */
export interface Message {
  readonly id: string;
  readonly what: Happening;
  readonly at: Date;
  /** The alert as it stood then. */
  readonly alert: AlertContent;
}

/** A way to operators. */
export interface Channel {
  readonly name: string;
  /** Resolves when the other side has taken the message, and rejects with a reason that names no address or secret. */
  readonly send: (message: Message, signal: AbortSignal) => Promise<void>;
}

/** `[critical] The day has cost $101.20`, as a line by itself. */
export function toHeadline({ what, alert }: Message): string {
  const word = what === 'resolved' ? 'resolved' : what === 'repeated' ? `still ${alert.severity}` : alert.severity;
  return `[${word}] ${alert.title}`;
}
