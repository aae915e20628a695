import type pg from 'pg';
import { DAYS } from './million-runs.ts';

/** A request, and the filters that it combines. */
export interface Request {
  readonly name: string;
  readonly path: string;
  /** True: the answer is a page of runs. */
  readonly isPage: boolean;
}

/** The values of each filter: those of many runs, of few, of old runs alone, and of none. */
const VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  status: {
    most: 'status=succeeded',
    some: 'status=failed',
    none: 'status=waiting',
    several: 'anyStatus=failed&anyStatus=cancelled',
  },
  agent: { most: 'agent=agent-0', sound: 'agent=agent-19', old: 'agent=retired', none: 'agent=nobody' },
  user: { some: 'user=user-0', few: 'user=user-77', old: 'user=user-1', none: 'user=nobody' },
  team: { some: 'team=team-7', none: 'team=nobody' },
  queue: { most: 'queue=queue-1' },
  errorCode: { some: 'errorCode=max_turns', few: 'errorCode=run_timeout', none: 'errorCode=worker_lost' },
  retried: { true: 'retried=true', false: 'retried=false' },
  q: { all: 'q=invoice', some: 'q=monthly', hundredth: 'q=quarterly', few: 'q=zebra', none: 'q=nothing' },
  metadata: { some: 'metadata=customer%3D77', few: 'metadata=ticket%3D77' },
  cost: { some: 'minCostUsd=0.05', few: 'minCostUsd=0.12' },
  duration: { some: 'minDurationSeconds=180' },
};

/** Returns `GET /v1/runs` with each value of each filter, with each pair of two filters, and the other pages. */
export async function listRequests(database: pg.Client): Promise<Request[]> {
  const filters = { ...VALUES, ...(await findValues(database)) };
  const all = Object.entries(filters).flatMap(([filter, values]) =>
    Object.entries(values).map(([value, query]) => ({ filter, name: `${filter}:${value}`, query })),
  );
  const toRequest = (name: string, query: string) => ({ name, path: `/v1/runs?${query}`, isPage: true });
  return [
    { name: 'first page of 50', path: '/v1/runs', isPage: true },
    { name: 'first page of 200', path: '/v1/runs?limit=200', isPage: true },
    ...all.map(({ name, query }) => toRequest(name, query)),
    ...all.flatMap((one, index) =>
      all
        .slice(index + 1)
        .filter(({ filter }) => filter !== one.filter)
        .map((other) => toRequest(`${one.name} ${other.name}`, `${one.query}&${other.query}`)),
    ),
    ...(await listOtherPages(database)),
  ];
}

/** Values that depend on the time and the rows: a session, a schedule, a range of days, a page deep in the list. */
async function findValues(database: pg.Client): Promise<typeof VALUES> {
  const { rows } = await database.query<Record<'session' | 'schedule' | 'middle', string>>(`
    select (select session_id from longhaul.runs where session_turn = 3 order by id limit 1) as session,
           (select schedule_id from longhaul.runs where schedule_id is not null order by id limit 1) as schedule,
           longhaul.least_id(now() - interval '${DAYS / 2} days') as middle`);
  const { session = '', schedule = '', middle = '' } = rows[0] ?? {};
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString();
  return {
    session: { one: `sessionId=${session}` },
    schedule: { some: `scheduleId=${schedule}` },
    range: { days: `from=${day(25)}&to=${day(20)}`, oldest: `to=${day(DAYS - 5)}` },
    page: { deep: `cursor=${middle}` },
  };
}

async function listOtherPages(database: pg.Client): Promise<Request[]> {
  const { rows } = await database.query<{ id: string }>('select id from longhaul.runs order by id limit 1 offset 500');
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  const ofMonth = `from=${day(40)}&to=${day(10)}`;
  const others = [
    { name: 'a run', path: `/v1/runs/${rows[0]?.id}` },
    { name: 'events of a run', path: `/v1/runs/${rows[0]?.id}/events` },
    { name: 'queues', path: '/v1/queues' },
    { name: 'sessions', path: `/v1/sessions` },
    { name: 'statistics of a day', path: '/v1/stats' },
    { name: 'statistics of a month', path: `/v1/stats?step=day&from=${day(30)}T00:00:00Z` },
    ...['day', 'agent', 'user', 'team', 'model'].map((groupBy) => ({
      name: `costs by ${groupBy}`,
      path: `/v1/costs?groupBy=${groupBy}&${ofMonth}`,
    })),
    { name: 'costs of this month by user', path: '/v1/costs?groupBy=user' },
    { name: 'count', path: '/v1/runs/count' },
    { name: 'count of failed runs', path: '/v1/runs/count?status=failed' },
  ];
  return others.map((other) => ({ ...other, isPage: false }));
}
