import type { AlertChannel } from '../../config/config.ts';
import type { Logger } from '../../core/log.ts';
import type { Channel } from './channel.ts';
import { createEmailChannel } from './email-channel.ts';
import { createLogChannel } from './log-channel.ts';
import { createSlackChannel } from './slack-channel.ts';
import { createWebhookChannel } from './webhook-channel.ts';

/** Creates the channel that a configuration describes. */
export function openChannel(channel: AlertChannel, log: Logger): Channel {
  switch (channel.type) {
    case 'log':
      return createLogChannel(channel.name, log);
    case 'webhook':
      return createWebhookChannel(channel);
    case 'slack':
      return createSlackChannel(channel);
    case 'email':
      return createEmailChannel(channel);
  }
}
