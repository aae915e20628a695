import { withoutHealthAgent } from '../../config/health-agent.ts';
import { ok, failed, warning, worst, type Check, type Finding } from '../check.ts';

export const rateLimits: Check = {
  id: 'rate-limits',
  theme: 'limits',
  title: 'Submissions are rate limited',
  docs: 'docs/money.md#limit-how-often',
  examine({ config: { limits } }) {
    const perKey = limits.perKey.runsPerMinute;
    const forKeys = perKey === null ? 'no limit for each key' : `${perKey} a minute for each key`;
    const perUser = limits.perUser.runsPerMinute;
    if (perUser !== null) return ok(`${perUser} a minute for each user, ${forKeys}`);
    const found = `no limit for each user, ${forKeys}`;
    if (perKey !== null) return warning(found, 'Set limits.perUser.runsPerMinute, so that no user takes all.');
    return failed(found, 'Remove limits.perUser.runsPerMinute: false, or set a number.');
  },
};

export const budgets: Check = {
  id: 'budgets',
  theme: 'limits',
  title: 'All runs together have a budget',
  docs: 'docs/money.md#limit-what-users-teams-and-all-together-spend',
  examine({ config: { limits } }) {
    const { dayMicros, monthMicros } = limits.global;
    if (dayMicros === null && monthMicros === null) {
      return warning('No budget limits a day or a month', 'Set limits.global.usdPerDay or usdPerMonth.');
    }
    const amounts = [
      dayMicros !== null && `$${dayMicros / 1e6} a day`,
      monthMicros !== null && `$${monthMicros / 1e6} a month`,
    ];
    return ok(amounts.filter(Boolean).join(', '));
  },
};

export const timeoutChain: Check = {
  id: 'timeout-chain',
  theme: 'limits',
  title: 'Each timeout ends before the one around it',
  docs: 'docs/operations.md#stop',
  examine({ config: { agents, worker } }) {
    const longest = Math.max(...withoutHealthAgent(agents).map(({ limits }) => limits.timeoutSeconds));
    const chain = [longest, worker.expireSeconds, worker.drainTimeoutSeconds, worker.stopWaitSeconds];
    const text = `run ${chain[0]} s < queue ${chain[1]} s < drain ${chain[2]} s < supervisor ${chain[3]} s`;
    if (chain.every((seconds, index) => index === 0 || seconds > (chain[index - 1] ?? 0))) return ok(text);
    return failed(`Out of order: ${text}`, 'Raise each value above the one before it.');
  },
};

export const webhookTargets: Check = {
  id: 'webhook-targets',
  theme: 'limits',
  title: 'Webhooks go to public addresses over TLS',
  docs: 'docs/webhooks.md#allowed-addresses',
  examine({ config: { webhooks } }) {
    const { allowHttp, allowPrivateAddresses, allow } = webhooks;
    const findings: Finding[] = [
      ...(allowHttp ? [warning('http: is allowed, which is not encrypted', 'Set webhooks.allowHttp: false.')] : []),
      ...(allowPrivateAddresses
        ? [
            warning(
              'every key may name addresses of your network',
              'Set webhooks.allowPrivateAddresses: false, and name the hosts in webhooks.allow.',
            ),
          ]
        : []),
    ];
    return worst(findings, `Public https: addresses${allow.length > 0 ? `, and ${allow.length} that are named` : ''}`);
  },
};
