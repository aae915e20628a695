import { describe, expect, it } from 'vitest';
import { createLabelLimit } from './label-limit.ts';
import { createSharedRead } from './shared-read.ts';
import { createToolLabel } from './tool-label.ts';

describe('labels', () => {
  it('of models are known names or other, however many names a process asks for', () => {
    const models = createLabelLimit(['sonnet'], 3);
    expect(models.label('made-up')).toBe('other');
    for (let index = 0; index < 1_000; index++) models.admit(`model-${index}`);
    const labels = Array.from({ length: 1_000 }, (_, index) => models.label(`model-${index}`));
    expect(new Set([...labels, models.label('sonnet')])).toEqual(new Set(['sonnet', 'model-0', 'model-1', 'other']));
  });

  it('of tools are those of the configuration', () => {
    const agents = new Map([['a', { tools: ['Read', 'mcp__crm__find', 'mcp__files', 'mcp__web__*'] }]]) as never;
    const label = createToolLabel({ agents });
    expect(
      ['Read', 'mcp__crm__find', 'mcp__crm__drop', 'mcp__files__read', 'mcp__web__get', 'Bash'].map(label),
    ).toEqual(['Read', 'mcp__crm__find', 'other', 'mcp__files', 'mcp__web', 'other']);
  });
});

describe('a shared read', () => {
  it('is made once for callers at the same time and shortly after', async () => {
    let reads = 0;
    const read = createSharedRead(async () => ++reads);
    expect(await Promise.all([read(), read(), read()])).toEqual([1, 1, 1]);
    expect(await read()).toBe(1);
  });

  it('is made again when its value is too old, and after a failure', async () => {
    let reads = 0;
    const read = createSharedRead(
      async () => {
        reads++;
        if (reads === 1) throw new Error('away');
        return reads;
      },
      { leastAgeMs: 0 },
    );
    await expect(read()).rejects.toThrow('away');
    expect(await read()).toBe(2);
  });
});
