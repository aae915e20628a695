import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { ServerHealth } from './contract.ts';

describe.each(DATABASE_KINDS)('the health of the server, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });
  afterAll(() => service.close());

  it('shows operators the versions, and the database with its size and latency', async () => {
    const response = await service.request('/v1/health/server');
    expect(response.status).toBe(200);
    const { nodeVersion, database } = (await response.json()) as ServerHealth;
    expect(nodeVersion).toBe(process.versions.node);
    expect(database).toMatchObject({ kind, version: expect.stringMatching(/^\d+(\.\d+)+$/) as string });
    expect(database.schemaVersion).toBeGreaterThanOrEqual(30);
    expect(database.sizeBytes).toBeGreaterThan(1_000_000);
    expect(database.latencyMs).toBeGreaterThan(0);
  });

  it('is for operators only', async () => {
    expect((await service.request('/v1/health/server', { key: service.plainKey })).status).toBe(403);
  });
});
