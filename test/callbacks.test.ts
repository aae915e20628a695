import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

// Node ends the process for an error that a timer, an event emitter or an abort signal's listener throws, and for a
// promise that rejects with nobody listening. `core/guard.ts` and `core/timers.ts` hear such errors; this holds that they
// are used. Promises that nobody waits for are the linter's: `no-floating-promises`, which takes no `void` for an excuse.

const src = path.resolve(import.meta.dirname, '../src');

/** The client runs in browsers, in the caller's hands. */
const files = globSync('**/*.ts', { cwd: src })
  .filter((file) => !/\.(test|fixture)\.ts$/.test(file) && !file.startsWith('client/'))
  // Without comments: those may speak of handlers.
  .map((file) => ({ file, text: readFileSync(path.join(src, file), 'utf8').replace(/^ *(?:\*|\/\/|\/\*).*$/gm, '') }));

/** Every place where `pattern` matches, with the line it is on. */
function findAll(pattern: RegExp, allowed: (file: string, match: RegExpExecArray, text: string) => boolean): string[] {
  return files.flatMap(({ file, text }) =>
    [...text.matchAll(pattern)]
      .filter((match) => !allowed(file, match, text))
      .map((match) => `${file}:${text.slice(0, match.index).split('\n').length} ${match[0].trim()}`),
  );
}

/** Cannot throw: they settle a promise, end something, or do nothing. */
const HARMLESS =
  /^(?:resolve|reject|\(\) => (?:\{\}|undefined|(?:[\w.]+\.)?(?:resolve|reject|abort|destroy|terminate|clearTimeout|clearInterval)\(\w*\)))[),]/;

function isHeard(handler: string, text: string): boolean {
  if (handler.startsWith('guarded(') || HARMLESS.test(handler)) return true;
  const name = /^(\w+)[),]/.exec(handler)?.[1];
  return name !== undefined && new RegExp(`const ${name} = guarded\\(`).test(text);
}

describe('errors of callbacks that nobody waits for', () => {
  it('are heard in timers: none is set but by core/timers.ts', () => {
    const timers = /(?<![\w.])set(?:Timeout|Interval|Immediate)\(/g;
    expect(findAll(timers, (file) => file === 'core/timers.ts')).toEqual([]);
  });

  it('are heard in handlers of events: each is guarded, or does nothing that can throw', () => {
    const handlers =
      /\.(?:on|once|prependListener|addListener|addEventListener)\(\s*(?:'[^']+'|\w+),\s*(?<handler>[^\n]*)|\.setTimeout\(\w+,\s*(?<late>[^\n]*)|(?<![\w.])createServer\((?<served>[^\n]*)/g;
    const found = findAll(handlers, (_, { groups }, text) =>
      isHeard(groups?.['handler'] ?? groups?.['late'] ?? groups?.['served'] ?? '', text),
    );
    expect(found).toEqual([]);
  });

  it('are heard in promises: none is thrown away with `void` where the linter does not look', () => {
    expect(findAll(/(?:=>|return) void [\w.?]+\(/g, () => false)).toEqual([]);
  });
});
