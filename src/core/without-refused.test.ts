import { describe, expect, it } from 'vitest';
import { RESULT_LEFT_OUT, withoutRefused } from './without-refused.ts';

type Entry = Readonly<Record<string, unknown>>;

const said = (uuid: string, parentUuid: string | null, content: unknown): Entry => ({
  type: 'user',
  uuid,
  parentUuid,
  message: { role: 'user', content },
});
const answered = (uuid: string, parentUuid: string | null, id: string, content: unknown = 'fine'): Entry => ({
  type: 'assistant',
  uuid,
  parentUuid,
  message: { role: 'assistant', id, model: 'claude-sonnet-4-5', content },
});
const refused = (uuid: string, parentUuid: string | null, status: number | undefined = 400): Entry => ({
  type: 'assistant',
  uuid,
  parentUuid,
  isApiErrorMessage: true,
  apiErrorStatus: status,
  message: { role: 'assistant', id: uuid, model: '<synthetic>', content: 'API Error' },
});
const result = (useId: string, content: unknown = 'bytes') => ({ type: 'tool_result', tool_use_id: useId, content });

describe('a conversation after a refusal', () => {
  const begun = [said('1', null, 'hello'), answered('2', '1', 'a')];

  it('keeps everything before the refusal, followed by everything after it', () => {
    const attachment = { type: 'attachment', uuid: '4', parentUuid: '3', attachment: { type: 'date' } };
    const entries = [...begun, said('3', '2', 'poison'), attachment, { type: 'queue-operation' }, refused('5', '4')];
    expect(withoutRefused(entries)).toEqual(begun);
    const next = [said('6', '5', 'poison too'), refused('7', '6'), said('8', '7', 'again'), answered('9', '8', 'b')];
    expect(withoutRefused([...entries, ...next])).toEqual([...begun, said('8', '2', 'again'), answered('9', '8', 'b')]);
  });

  it('is empty when the model never answered', () => {
    expect(withoutRefused([said('1', null, 'poison'), refused('2', '1', 413)])).toEqual([]);
    expect(withoutRefused([said('1', null, 'poison'), refused('2', '1'), said('3', '2', 'hello')])).toEqual([
      said('3', null, 'hello'),
    ]);
  });

  it('has a result for every tool use, and no refused result', () => {
    const entries = [
      ...begun,
      said('3', '2', 'read both'),
      answered('4', '3', 'b', [{ type: 'tool_use', id: 'u1' }]),
      { ...said('5', '4', [result('u1')]), toolUseResult: 'bytes' },
      answered('6', '5', 'b', [{ type: 'tool_use', id: 'u2' }]),
      said('7', '6', [result('u2'), { type: 'text', text: 'bytes' }]),
      refused('8', '7'),
    ];
    expect(withoutRefused([...entries, said('9', '8', 'go on')])).toEqual([
      ...entries.slice(0, 4),
      said('5', '4', [result('u1', RESULT_LEFT_OUT)]),
      entries[5],
      said('7', '6', [result('u2', RESULT_LEFT_OUT)]),
      said('9', '7', 'go on'),
    ]);
  });

  it.each([401, 402, 403, 429, 500, undefined])('is complete after an error with status %s', (status) => {
    const entries = [...begun, said('3', '2', 'next'), refused('4', '3', status)];
    if (status === undefined) delete (entries[3] as Record<string, unknown>)['apiErrorStatus'];
    expect(withoutRefused(entries)).toEqual(entries);
  });

  it('takes hardly any time with many refusals', () => {
    const entries = Array.from({ length: 2_000 }, (_, count) => [
      said(`s${count}`, `r${count - 1}`, 'poison'),
      refused(`r${count}`, `s${count}`),
    ]).flat();
    const startedAt = performance.now();
    const answers = Array.from({ length: 10_000 }, (_, count) => answered(`a${count}`, null, `m${count}`));
    expect(withoutRefused([...answers, ...entries])).toHaveLength(10_000);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
