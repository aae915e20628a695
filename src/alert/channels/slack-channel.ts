import type { AlertChannel } from '../../config/config.ts';
import { toHeadline, type Channel } from './channel.ts';
import { postJson } from './post-json.ts';

/** Posts `{ text }`, as Slack's incoming webhooks and those made like them take it. */
export function createSlackChannel({ name, url }: Extract<AlertChannel, { type: 'slack' }>): Channel {
  return {
    name,
    async send(message, signal) {
      const text = `*${escape(toHeadline(message))}*\n${escape(message.alert.detail)}`;
      await postJson({ url, body: JSON.stringify({ text }), signal });
    },
  };
}

/** What Slack would read as a link or a mention. https://docs.slack.dev/messaging/formatting-message-text#escaping */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
