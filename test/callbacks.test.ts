import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

// Node ends the process for an error that a timer, an event emitter or an abort signal's listener throws, and for a
// promise that rejects without a handler. `core/guard.ts` and `core/timers.ts` catch such errors; this test checks that
// they are used. The linter finds promises without a handler: `no-floating-promises`, which does not accept `void`.

const src = path.resolve(import.meta.dirname, '../src');

/** The client is left out: it runs in browsers, under the caller's control. */
const files = globSync('**/*.ts', { cwd: src })
  .filter((file) => !/\.(test|fixture)\.ts$/.test(file) && !file.startsWith('client/'))
  // Without comments, because comments may mention handlers.
  .map((file) => ({ file, text: readFileSync(path.join(src, file), 'utf8').replace(/^ *(?:\*|\/\/|\/\*).*$/gm, '') }));

/** Returns every match of `pattern`, with its line. */
function findAll(pattern: RegExp, allowed: (file: string, match: RegExpExecArray, text: string) => boolean): string[] {
  return files.flatMap(({ file, text }) =>
    [...text.matchAll(pattern)]
      .filter((match) => !allowed(file, match, text))
      .map((match) => `${file}:${text.slice(0, match.index).split('\n').length} ${match[0].trim()}`),
  );
}

/** Handlers that cannot throw: they settle a promise, end something, or do nothing. */
const HARMLESS =
  /^(?:resolve|reject|\(\) => (?:\{\}|undefined|(?:[\w.]+\.)?(?:resolve|reject|abort|destroy|terminate|clearTimeout|clearInterval)\(\w*\)))[),]/;

function isHeard(handler: string, text: string): boolean {
  if (handler.startsWith('guarded(') || HARMLESS.test(handler)) return true;
  const name = /^(\w+)[),]/.exec(handler)?.[1];
  return name !== undefined && new RegExp(`const ${name} = guarded\\(`).test(text);
}

describe('errors of callbacks without a caller that waits', () => {
  it('are caught in timers: only core/timers.ts sets them', () => {
    const timers = /(?<![\w.])set(?:Timeout|Interval|Immediate)\(/g;
    expect(findAll(timers, (file) => file === 'core/timers.ts')).toEqual([]);
  });

  it('are caught in event handlers: each is guarded, or cannot throw', () => {
    const handlers =
      /\.(?:on|once|prependListener|addListener|addEventListener)\(\s*(?:'[^']+'|\w+),\s*(?<handler>[^\n]*)|\.setTimeout\(\w+,\s*(?<late>[^\n]*)|(?<![\w.])createServer\((?<served>[^\n]*)/g;
    const found = findAll(handlers, (_, { groups }, text) =>
      isHeard(groups?.['handler'] ?? groups?.['late'] ?? groups?.['served'] ?? '', text),
    );
    expect(found).toEqual([]);
  });

  it('are caught in promises: none is dropped with `void` where the linter does not check', () => {
    expect(findAll(/(?:=>|return) void [\w.?]+\(/g, () => false)).toEqual([]);
  });
});
