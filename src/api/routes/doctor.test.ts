import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECKS } from '../../doctor/checks.ts';
import { startApi, type TestApi } from '../api.fixture.ts';
import type { DoctorResource } from '../contract.ts';

describe('the examination over HTTP', () => {
  let service: TestApi;
  beforeAll(async () => {
    service = await startApi('embedded');
  });
  afterAll(() => service.close());

  it('has every check, is shared by requests at the same time, and is for operators', async () => {
    const answers = await Promise.all([1, 2].map(() => service.request('/v1/doctor')));
    const [one, other] = (await Promise.all(answers.map((answer) => answer.json()))) as DoctorResource[];
    expect(one?.checks.map(({ id }) => id)).toEqual(CHECKS.map(({ id }) => id));
    // No provider is configured.
    expect(one).toMatchObject({ verdict: 'failed' });
    expect(one?.checks.find(({ id }) => id === 'schema')).toMatchObject({ verdict: 'ok' });
    expect(other?.examinedAt).toBe(one?.examinedAt);
    expect((await service.request('/v1/doctor', { key: service.plainKey })).status).toBe(403);
  });
});
