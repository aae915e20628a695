import type { AlertChannel } from '../../config/config.ts';
import { toHeadline, type Channel } from './channel.ts';
import { postJson } from './post-json.ts';

/** Creates a channel that posts `{ text }`, as incoming webhooks of Slack and compatible services expect it. */
export function createSlackChannel({ name, url }: Extract<AlertChannel, { type: 'slack' }>): Channel {
  return {
    name,
    async send(message, signal) {
      const text = `*${escape(toHeadline(message))}*\n${escape(message.alert.detail)}`;
      await postJson({ url, body: JSON.stringify({ text }), signal });
    },
  };
}

/**
 * Escapes characters that Slack would read as a link or a mention.
 * https://docs.slack.dev/messaging/formatting-message-text#escaping
 */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
