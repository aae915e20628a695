import { expect, test } from 'vitest';
import { lowerRequest } from './lower-request.ts';

const enabled = (budget: number) => ({ type: 'enabled', budget_tokens: budget, display: 'summarized' });
const disabled = { type: 'disabled' };
const adaptive = { type: 'adaptive' };

test.each([
  // The requested thinking, the lowered max_tokens, the maximum thinking, and the resulting thinking.
  [enabled(31_999), null, null, undefined],
  [enabled(31_999), 20_000, null, enabled(16_384)],
  [enabled(4_000), 20_000, null, undefined],
  [enabled(31_999), 2_048, null, enabled(1_024)],
  [enabled(31_999), 2_049, null, enabled(2_048)],
  [enabled(31_999), 1_025, null, enabled(1_024)],
  [enabled(31_999), 1_024, null, disabled],
  [enabled(31_999), null, 8_000, enabled(8_000)],
  [enabled(31_999), 5_000, 8_000, enabled(4_096)],
  [enabled(31_999), 9_000, 8_000, enabled(8_000)],
  [enabled(31_999), null, 500, disabled],
  [enabled(31_999), null, 0, disabled],
  [enabled(4_000), null, 8_000, undefined],
  [adaptive, null, 8_000, undefined],
  [adaptive, 500, null, undefined],
  [adaptive, null, 0, disabled],
  [{ type: 'between_tools' }, null, 0, disabled],
  [disabled, 500, 0, undefined],
  [undefined, 500, 0, undefined],
  ['enabled', 500, 0, undefined],
])('thinking %j with max_tokens lowered to %s and at most %s becomes %j', (thinking, maxTokens, most, expected) => {
  const members = lowerRequest({ thinking, contextManagement: undefined }, { maxTokens, maxThinkingTokens: most });
  expect(members['thinking']).toEqual(expected);
  expect(members['max_tokens']).toBe(maxTokens ?? undefined);
  expect(members).not.toHaveProperty('context_management');
});

test('removing thinking removes the edit that needs it, and no other edit', () => {
  const other = { type: 'clear_tool_uses_20250919' };
  const contextManagement = { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }, other], x: 1 };
  const request = { thinking: enabled(2_000), contextManagement };
  expect(lowerRequest(request, { maxTokens: null, maxThinkingTokens: 0 })).toEqual({
    thinking: disabled,
    context_management: { edits: [other], x: 1 },
  });
  expect(lowerRequest(request, { maxTokens: null, maxThinkingTokens: 1_500 })).toEqual({ thinking: enabled(1_500) });
});
