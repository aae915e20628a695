import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfigOptions } from '../scripts/config-options.ts';
import { toConfigurationPage } from '../scripts/configuration-page.ts';
import { resolveConfig } from '../src/config/resolve.ts';

const page = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');
const options = readConfigOptions().filter((option) => !option.isGroup);

describe('the page on configuration', () => {
  it('equals the code', () => {
    expect(page, 'run: npm run docs').toBe(toConfigurationPage());
  });

  it('has a meaning and a default for every option', () => {
    expect(options.length).toBeGreaterThan(60);
    for (const { path, meaning, default: fallback, isRequired } of options) {
      expect(meaning, path).not.toBe('');
      expect(isRequired || fallback !== null, path).toBe(true);
    }
  });

  it('has a row for every option, in the section of its group', () => {
    const rows = page.match(/^\| `\w+` \|.*\| .+ \|.+\|$/gm) ?? [];
    for (const { path, meaning } of options) {
      const name = path.slice(path.lastIndexOf('.') + 1);
      expect(
        rows.some((row) => row.startsWith(`| \`${name}\` | ${meaning} |`)),
        path,
      ).toBe(true);
    }
  });

  it('names the defaults in force', () => {
    const config = resolveConfig({ input: { agents: { NAME: { tools: [] } } }, baseDir: '/', env: {} });
    const inForce = { ...config, agents: { NAME: config.agents.get('NAME') } };
    const figures = options.flatMap(({ path, default: fallback }) => {
      const figure = /^[\d,]+(?=$|;)/.exec(fallback ?? '')?.[0];
      return figure === undefined ? [] : [{ path, figure: Number(figure.replaceAll(',', '')) }];
    });
    const compared = figures.filter(({ path }) => !path.includes('.retry.'));
    expect(compared.length).toBeGreaterThan(10);
    for (const { path, figure } of compared) expect(valueAt(inForce, path), path).toBe(figure);
  });

  it('names every variable the code reads', () => {
    const sources = globSync('src/**/*.ts', { cwd: new URL('..', import.meta.url) }).filter(
      (file) => !file.endsWith('.test.ts'),
    );
    const text = sources.map((file) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')).join('\n');
    const names = new Set([...text.matchAll(/\bLONGHAUL_[A-Z_]+\b/g)].map(([name]) => name));
    // The marks of an agent's process are set by the worker, not by users.
    for (const mark of ['LONGHAUL_ATTEMPT', 'LONGHAUL_WORKER']) names.delete(mark);
    expect(names.size).toBeGreaterThan(8);
    // Variables of the test kit.
    const testing = readFileSync(new URL('../docs/testing.md', import.meta.url), 'utf8');
    for (const name of names) expect(name.startsWith('LONGHAUL_TEST_') ? testing : page).toContain(`\`${name}\``);
  });
});

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((parent, key) => (parent as Record<string, unknown>)[key], value);
}
