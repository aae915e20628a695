import { describe, expect, it } from 'vitest';
import { displayWidth, fitInto } from './display-width.ts';
import { formatTable } from './table.ts';

interface Load {
  readonly name: string;
  readonly crates: number;
  readonly note: string;
}

describe('a table', () => {
  const format = (rows: readonly Load[], width: number) =>
    formatTable<Load>({
      columns: [
        { title: 'NAME', value: ({ name }) => name },
        { title: 'CRATES', align: 'right', value: ({ crates }) => String(crates) },
        { title: 'NOTE', value: ({ note }) => note },
      ],
      rows,
      width,
    });

  it('aligns texts left and numbers right', () => {
    const rows = [
      { name: 'L-1', crates: 7, note: 'fish' },
      { name: 'L-2201', crates: 1200, note: 'bolts' },
    ];
    expect(format(rows, 80)).toEqual(['NAME    CRATES  NOTE', 'L-1          7  fish', 'L-2201    1200  bolts']);
  });

  it('cuts the last column to the width of the terminal', () => {
    const lines = format([{ name: 'L-1', crates: 7, note: 'a long story about fish' }], 30);
    expect(lines[1]).toBe('L-1        7  a long story ab…');
    expect(lines[1]).toHaveLength(30);
  });

  it('stays aligned after characters that are two columns wide', () => {
    const lines = format([{ name: '横浜', crates: 7, note: 'fish' }], 80);
    expect(lines).toEqual(['NAME  CRATES  NOTE', '横浜       7  fish']);
  });
});

describe('the width of text', () => {
  it('counts visible columns, not code units', () => {
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('👨‍👩‍👧')).toBe(2);
    expect(displayWidth('漢字ab')).toBe(6);
  });

  it('cuts between characters, and only when it has to', () => {
    expect(fitInto('abc', 3)).toBe('abc');
    expect(fitInto('abcd', 3)).toBe('ab…');
    expect(fitInto('🚛🚛', 4)).toBe('🚛🚛');
    expect(fitInto('🚛🚛🚛', 4)).toBe('🚛…');
  });
});
