import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { NewEvent } from '../core/events.ts';
import { recordEvents } from '../run/log/append-events.ts';
import type { Claim } from '../run/claim/claim.ts';
import { findRun } from '../run/read/read-runs.ts';
import { SEES_ALL } from '../run/viewer.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { RunResource } from './contract.ts';

describe.each(DATABASE_KINDS)('following a run over HTTP, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });

  afterAll(() => service.close());

  const record = async (claimed: Claim, events: NewEvent[]) => {
    const { database } = service;
    const { lastSeq } = (await findRun(database, { runId: claimed.run.id, viewer: SEES_ALL }))!;
    return recordEvents(database, { runId: claimed.run.id, attempt: 1, events, lease: claimed.lease, lastSeq });
  };

  it('follows a run live, resumes exactly after the last event seen, and ends after the final one', async () => {
    const run = await service.submit();
    const events = `/v1/runs/${run.id}/events`;
    const live = await service.request(events, { headers: { accept: 'text/event-stream' } });
    expect(live.headers.get('content-type')).toContain('text/event-stream');
    const all = readFrames(live);
    const claimed = await service.claim();
    await record(claimed, [{ type: 'agent.text.delta', data: { text: 'one', blockId: '1' } }]);
    const resumed = readFrames(
      await service.request(events, { headers: { accept: 'text/event-stream', 'last-event-id': '2' } }),
    );
    await record(claimed, [{ type: 'agent.text.delta', data: { text: 'two\n\nid: 99', blockId: '1' } }]);
    await service.finish(claimed);
    const frames = await all;
    expect(frames.map(({ id, event }) => [id, event])).toEqual([
      ['1', 'run.queued'],
      ['2', 'run.started'],
      ['3', 'agent.text.delta'],
      ['4', 'agent.text.delta'],
      ['5', 'run.succeeded'],
    ]);
    expect(frames[3]?.data).toMatchObject({ runId: run.id, seq: 4, attempt: 1, data: { text: 'two\n\nid: 99' } });
    expect(await resumed).toEqual(frames.slice(2));
    const late = await readFrames(
      await service.request(`${events}?after=4`, { headers: { accept: 'text/event-stream' } }),
    );
    expect(late).toEqual(frames.slice(4));
    for (const after of [5, 500]) {
      expect(
        await readFrames(
          await service.request(`${events}?after=${after}`, { headers: { accept: 'text/event-stream' } }),
        ),
      ).toEqual([]);
    }
    const page = (await (await service.request(`${events}?after=1&limit=2`)).json()) as {
      data: unknown[];
      nextCursor: number;
    };
    expect(page).toEqual({ data: [frames[1]!.data, frames[2]!.data], nextCursor: 3 });
  });

  it('sends every event once to each of many followers that disconnect and resume', async () => {
    const run = await service.submit();
    const claimed = await service.claim();
    const readers = Array.from({ length: 10 }, (_, index) => followReconnecting(run.id, index + 1));
    for (let index = 0; index < 60; index++) {
      await record(claimed, [{ type: 'agent.text.delta', data: { text: String(index), blockId: '1' } }]);
    }
    await service.finish(claimed);
    const expected = Array.from({ length: 63 }, (_, index) => index + 1);
    for (const seen of await Promise.all(readers)) expect(seen).toEqual(expected);
  });

  it('responds to a waiting client as soon as the run ends, or at its timeout', async () => {
    const run = await service.submit();
    const claimed = await service.claim();
    const waiting = service.request(`/v1/runs/${run.id}?wait=30`);
    const impatient = (await (await service.request(`/v1/runs/${run.id}?wait=0.05`)).json()) as RunResource;
    expect(impatient.status).toBe('running');
    await service.finish(claimed);
    expect(await (await waiting).json()).toMatchObject({ status: 'succeeded', result: 'done', costUsd: 0.0015 });
  });

  /** Follows a run over connections that it closes after every `most` events, and resumes each time. */
  async function followReconnecting(runId: string, most: number): Promise<number[]> {
    const seen: number[] = [];
    for (;;) {
      const response = await service.request(`/v1/runs/${runId}/events`, {
        headers: { accept: 'text/event-stream', 'last-event-id': String(seen.at(-1) ?? 0) },
      });
      for (const { data } of await readFrames(response, most)) seen.push(data.seq);
      if (seen.at(-1) === 63) return seen;
    }
  }
});

interface Frame {
  id: string;
  event: string;
  data: { seq: number; runId: string };
}

/** Reads the frames of a stream until its end, or disconnects after `most` frames. */
async function readFrames(response: Response, most = Infinity): Promise<Frame[]> {
  const frames: Frame[] = [];
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (fields['id'] === undefined) continue;
      frames.push({ id: fields['id'], event: fields['event']!, data: JSON.parse(fields['data']!) as Frame['data'] });
      if (frames.length === most) return frames;
    }
  }
  return frames;
}
