import { examine } from '../../doctor/examine.ts';
import type { ApiDeps } from '../api-deps.ts';
import { doctorSchema, type DoctorResource } from '../contract.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';

/** An examination starts processes and takes a second: callers within this time share one. */
const SHARED_FOR_MS = 10_000;

interface Shared {
  readonly at: number;
  readonly answer: Promise<DoctorResource>;
}

/** The last examination of each server in this process. */
const examinations = new WeakMap<ApiDeps['database'], Shared>();

export const getDoctor = route(
  {
    method: 'get',
    path: '/v1/doctor',
    operationId: 'getDoctor',
    tag: 'Service',
    access: 'admin',
    summary: 'Examine the deployment',
    description:
      'For operator keys. The checks of `longhaul doctor`, made by this server about itself, its machine and the database. Answers within 10 s; requests within 10 s of each other share an examination. Changes nothing.',
    responses: { 200: json(doctorSchema, 'All checks, each with its verdict.'), ...problems(401, 403) },
  },
  async (context, deps) => context.json(await examineShared(deps), 200),
);

function examineShared(deps: ApiDeps): Promise<DoctorResource> {
  const { config, database } = deps;
  const last = examinations.get(database);
  if (last !== undefined && performance.now() - last.at < SHARED_FOR_MS) return last.answer;
  const answer = (async () => {
    const { verdict, checks } = await examine({ config, database, env: process.env, ownPid: process.pid });
    return { verdict, examinedAt: new Date().toISOString(), checks: [...checks] };
  })();
  examinations.set(database, { at: performance.now(), answer });
  return answer;
}
