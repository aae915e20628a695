import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isTriedVersion, TRIED_VERSIONS } from './tried-versions.ts';

test('the version of the pinned Agent SDK is the newest that was tried', () => {
  const file = new URL('package.json', import.meta.resolve('@anthropic-ai/claude-agent-sdk'));
  const { claudeCodeVersion } = JSON.parse(readFileSync(file, 'utf8')) as { claudeCodeVersion: string };
  expect(TRIED_VERSIONS.at(-1)).toBe(claudeCodeVersion);
  expect(isTriedVersion(claudeCodeVersion)).toBe(true);
  expect(isTriedVersion('2.1.3')).toBe(false);
});
