import { createTransport } from 'nodemailer';
import type { AlertChannel } from '../../config/config.ts';
import { toHeadline, type Channel, type Message } from './channel.ts';

/** Time limit of each step of a connection; the whole delivery has its own deadline. */
const STEP_TIMEOUT_MS = 10_000;

/**
 * Creates a channel that sends plain text mail by SMTP. It never sends a password over a network without encryption.
 */
export function createEmailChannel({ name, to, from, smtp }: Extract<AlertChannel, { type: 'email' }>): Channel {
  const { host, port, secure, user, password } = smtp;
  const hasLogin = user !== null || password !== null;
  return {
    name,
    async send(message, signal) {
      const transport = createTransport({
        host,
        port,
        secure,
        requireTLS: hasLogin && !isLoopback(host),
        ...(hasLogin && { auth: { user: user ?? '', pass: password ?? '' } }),
        connectionTimeout: STEP_TIMEOUT_MS,
        greetingTimeout: STEP_TIMEOUT_MS,
        socketTimeout: STEP_TIMEOUT_MS,
        dnsTimeout: STEP_TIMEOUT_MS,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      try {
        await transport.sendMail({
          from,
          to: [...to],
          subject: `Longhaul ${toHeadline(message)}`,
          text: toText(message),
          messageId: `<${message.id}@longhaul>`,
          headers: { 'Auto-Submitted': 'auto-generated' },
          signal,
        });
      } catch (error) {
        throw new Error(toReason(error), { cause: error });
      } finally {
        transport.close();
      }
    },
  };
}

function toText({ at, alert }: Message): string {
  const facts = [
    ['Rule', alert.rule],
    ['About', alert.key],
    ['Severity', alert.severity],
    ['State', alert.state],
    ['Opened', alert.openedAt],
    ['Sent', at.toISOString()],
    ['Alert', alert.id],
  ];
  const lines = facts.map(([name, value]) => `${name?.padEnd(10)}${value}`);
  return `${alert.title}.\n\n${alert.detail}\n\n${lines.join('\n')}\n`;
}

/**
 * Returns the client's code and the server's, such as `EAUTH 535`, without the server's text, which may repeat what it
 * received.
 */
function toReason(error: unknown): string {
  const { code, responseCode, command } = error as { code?: string; responseCode?: number; command?: string };
  return ['SMTP:', code ?? 'refused', responseCode, command === undefined ? undefined : `at ${command}`]
    .filter((part) => part !== undefined)
    .join(' ');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
