import type { Logger } from '../../core/log.ts';
import type { Channel } from './channel.ts';

/**
 * Creates a channel that writes to the log: critical alerts as fatal, warnings as warnings, resolved alerts as
 * information.
 */
export function createLogChannel(name: string, log: Logger): Channel {
  return {
    name,
    async send({ what, alert }) {
      const { id: alertId, key, rule, severity, detail, data } = alert;
      const facts = { alertId, key, rule, severity, what, detail, data };
      if (what === 'resolved') log.info(facts, `alert resolved: ${alert.title}`);
      else if (severity === 'critical') log.fatal(facts, `alert: ${alert.title}`);
      else if (severity === 'warning') log.warn(facts, `alert: ${alert.title}`);
      else log.info(facts, `alert: ${alert.title}`);
    },
  };
}
