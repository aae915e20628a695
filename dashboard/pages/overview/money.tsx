import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { budgetsQuery, monthCostsQuery } from '../../data/figures.ts';
import { Card } from '../../ui/card/card.tsx';
import { Meter } from '../../ui/figures/meter.tsx';
import { Usd } from '../../ui/figures/usd.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { toBudgetName } from '../budgets/budget-name.ts';
import classes from './overview.module.css';

/** Shows the costs of today and this month with the forecast, and the fullest budgets. */
export function Money() {
  const costs = useQuery(monthCostsQuery);
  const budgets = useQuery(budgetsQuery);
  return (
    <Card title="Money" actions={<Link to="/costs">Costs</Link>}>
      {costs.data === undefined ? (
        costs.error === null ? (
          <PageLoading />
        ) : (
          <Failed error={costs.error} isCompact />
        )
      ) : (
        <dl className={classes['money']}>
          <div>
            <dt>Today</dt>
            <dd>
              <Usd usd={toToday(costs.data)} />
            </dd>
            <Forecast usd={costs.data.forecast.dayUsd} />
          </div>
          <div>
            <dt>This month</dt>
            <dd>
              <Usd usd={costs.data.totals.costUsd} />
            </dd>
            <Forecast usd={costs.data.forecast.monthUsd} />
          </div>
        </dl>
      )}
      <div className={classes['budgets']}>
        {budgets.data
          ?.filter(({ limitUsd }) => limitUsd !== null)
          .sort((a, b) => toShare(b) - toShare(a))
          .slice(0, 5)
          .map((budget) => (
            <Meter
              key={`${budget.scope} ${budget.team} ${budget.key} ${budget.period}`}
              label={<Link to="/budgets">{toBudgetName(budget)}</Link>}
              used={budget.spentUsd}
              reserved={budget.reservedUsd}
              limit={budget.limitUsd}
              show={(usd) => <Usd usd={usd} />}
            />
          ))}
      </div>
    </Card>
  );
}

function Forecast({ usd }: { usd: number | null }) {
  return usd === null ? null : (
    <dd className={classes['forecast']}>
      about <Usd usd={Math.round(usd * 100) / 100} /> by its end
    </dd>
  );
}

function toToday({
  data,
  timeZone,
}: {
  data: readonly { key: string | null; costUsd: number }[];
  timeZone: string;
}): number {
  const today = new Date().toLocaleDateString('sv-SE', { timeZone });
  return data.find(({ key }) => key === today)?.costUsd ?? 0;
}

interface Used {
  readonly limitUsd: number | null;
  readonly spentUsd: number;
  readonly reservedUsd: number;
}

function toShare({ limitUsd, spentUsd, reservedUsd }: Used): number {
  return limitUsd === null ? 0 : limitUsd === 0 ? Infinity : (spentUsd + reservedUsd) / limitUsd;
}
