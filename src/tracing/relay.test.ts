import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { receiveSpans, type Span } from '../core/tracing.ts';
import { createRelay } from './relay.ts';

const attempt = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: true, state: null };
const STARTED_AT_MS = 1_795_973_000_000;
const spanId = (digit: string) => digit.repeat(16);

let spans: Span[];
let stop: () => void;

beforeEach(() => {
  spans = [];
  stop = receiveSpans({ sampleRatio: 1, receive: (span) => void spans.push(span) });
});
afterEach(() => stop());

const relay = () =>
  createRelay({
    attempt,
    startedAtMs: STARTED_AT_MS,
    toolSpanId: (id) => (id === 'toolu_1' ? spanId('7') : spanId('8')),
  });

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

/** A span as Claude Code exports it. */
const exported = (name: string, fields: object = {}) => ({
  traceId: 'f'.repeat(32),
  spanId: spanId('1'),
  name,
  startTimeUnixNano: `${STARTED_AT_MS + 10}000000`,
  endTimeUnixNano: `${STARTED_AT_MS + 20}000000`,
  attributes: [],
  status: { code: 0 },
  ...fields,
});
const batch = (...list: unknown[]) => ({ resourceSpans: [{ scopeSpans: [{ spans: list }] }] });

describe('the relay of Claude Code’s spans', () => {
  it('joins them to the attempt’s trace, below the spans that Longhaul emits in place of Claude Code’s', () => {
    const { take, end } = relay();
    take(batch(exported('claude_code.tool.execution', { spanId: spanId('2'), parentSpanId: spanId('3') })));
    take(batch(exported('claude_code.hook', { spanId: spanId('4'), parentSpanId: spanId('2') })));
    take(
      batch(
        exported('claude_code.tool', { spanId: spanId('3'), attributes: [text('gen_ai.tool.call.id', 'toolu_1')] }),
      ),
    );
    take(batch(exported('claude_code.llm_request', { spanId: spanId('5') }), exported('claude_code.interaction')));
    expect(spans).toEqual([]);
    end();
    expect(spans.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([
      ['claude_code.tool.execution', spanId('7')],
      ['claude_code.hook', spanId('2')],
    ]);
    for (const { context } of spans) expect(context).toMatchObject({ traceId: attempt.traceId, isSampled: true });
    expect(spans[0]).toMatchObject({ startedAtMs: STARTED_AT_MS + 10, endedAtMs: STARTED_AT_MS + 20, error: null });
  });

  it('moves a span whose parent never arrives to its tool, or to the attempt', () => {
    const { take, end } = relay();
    const lost = { parentSpanId: spanId('9') };
    take(
      batch(
        exported('claude_code.hook', lost),
        exported('claude_code.tool.execution', { ...lost, attributes: [text('gen_ai.tool.call.id', 'toolu_1')] }),
      ),
    );
    end();
    expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual([attempt.spanId, spanId('7')]);
  });

  it('passes on only attributes that cannot contain a prompt or an identity', () => {
    const { take, end } = relay();
    const attributes = [
      text('user.id', 'ada'),
      text('session.id', 'session'),
      text('user_prompt', 'the blue heron'),
      text('bash_argv0', 'curl'),
      text('decision', 'accept'),
      { key: 'duration_ms', value: { intValue: '13' } },
      { key: 'success', value: { boolValue: true } },
      text('source', 'x'.repeat(10_000)),
    ];
    take(batch(exported('claude_code.tool.blocked_on_user', { attributes, status: { code: 2, message: 'secret' } })));
    end();
    expect(spans[0]?.attributes).toEqual({
      decision: 'accept',
      duration_ms: 13,
      success: true,
      source: 'x'.repeat(200),
    });
    expect(spans[0]?.error).toBe('error');
    expect(JSON.stringify(spans)).not.toMatch(/ada|heron|curl|secret/);
  });

  it.each([
    ['is no object', 'hello'],
    ['is null', null],
    ['has no spans', { resourceSpans: [{ scopeSpans: [{}] }, 3, null] }],
    ['has spans of another program', batch(exported('POST /orders'), exported('claude_code.Ünknown'))],
    ['has spans without an id', batch(exported('claude_code.hook', { spanId: 'x' }))],
    ['has spans without a time', batch(exported('claude_code.hook', { startTimeUnixNano: 'now' }))],
    ['has the attempt’s own span', batch(exported('claude_code.hook', { spanId: attempt.spanId }))],
    [
      'belongs to an earlier attempt',
      batch(exported('claude_code.hook', { startTimeUnixNano: `${STARTED_AT_MS - 5}000000` })),
    ],
  ])('ignores a batch that %s', (_, received) => {
    const { take, end } = relay();
    take(received);
    end();
    expect(spans).toEqual([]);
  });

  it('keeps a thousand spans of an attempt at most', () => {
    const { take, end } = relay();
    take(batch(...Array.from({ length: 3_000 }, () => exported('claude_code.hook'))));
    end();
    expect(spans).toHaveLength(1_000);
  });
});
