import type { AlertContent, Happening } from '../alert.ts';

/** A message about an alert. Deliveries with the same `id` are the same message, however often it arrives. */
export interface Message {
  readonly id: string;
  readonly what: Happening;
  readonly at: Date;
  /** The alert at that time. */
  readonly alert: AlertContent;
}

/** A channel that delivers alerts to operators. */
export interface Channel {
  readonly name: string;
  /** Resolves when the receiver has accepted the message. Rejects with a reason that contains no address or secret. */
  readonly send: (message: Message, signal: AbortSignal) => Promise<void>;
}

/** Returns a headline such as `[critical] The day has cost $101.20`. */
export function toHeadline({ what, alert }: Message): string {
  const word = what === 'resolved' ? 'resolved' : what === 'repeated' ? `still ${alert.severity}` : alert.severity;
  return `[${word}] ${alert.title}`;
}
