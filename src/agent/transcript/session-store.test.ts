import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createId } from '../../core/ids.ts';
import { createConversationStore } from './session-store.ts';
import { createTranscript } from './transcript.fixture.ts';
import type { Transcript } from './transcript.ts';
import { createToolResults } from './tool-results.ts';

const entry = (uuid: string) => ({ type: 'user', uuid });
const key = (sessionId: string, subpath?: string) => ({
  projectKey: `project-of-${Math.random()}`,
  sessionId,
  ...(subpath === undefined ? {} : { subpath }),
});

function createStore(resumeFrom: Transcript | null = null) {
  const store = createConversationStore({
    toolResults: createToolResults({ root: '/nowhere' }),
    claudeSessionId: 'first',
    resumeFrom,
  });
  return { store, append: store.sdkStore.append };
}

test('entries written before their transcript is known are kept for it', async () => {
  const { store, append } = createStore();
  const keeper = createTranscript();
  await append(key('first'), [entry('1')]);
  expect(keeper.kept).toEqual([]);
  store.bind(keeper.transcript);
  await append(key('first'), [entry('2')]);
  await store.flush();
  expect(keeper.kept.map(({ entry: { uuid } }) => uuid)).toEqual(['1', '2']);
});

test('no entry of one conversation reaches the transcript of the next, however late it comes', async () => {
  const { store, append } = createStore();
  const [first, second] = [createTranscript(), createTranscript()];
  store.bind(first.transcript);
  await append(key('first'), [entry('1')]);
  // The next conversation begins before its beginning is known, and the former has a last entry.
  await append(key('second'), [entry('a')]);
  await store.flush();
  store.startNext('second');
  await append(key('first'), [entry('late')]);
  await append(key('second'), [entry('b')]);
  store.bind(second.transcript);
  await append(key('first'), [entry('later')]);
  await store.flush();
  expect(first.kept.map(({ entry: { uuid } }) => uuid)).toEqual(['1']);
  expect(second.kept.map(({ entry: { uuid } }) => uuid)).toEqual(['a', 'b']);
});

test('a conversation that waits keeps a late entry for its next transcript, and says so', async () => {
  const { store, append } = createStore();
  const [first, second] = [createTranscript(), createTranscript()];
  let late = 0;
  const pause = () => store.pause(() => void (late += 1));
  expect(pause()).toBe(false);
  const gate = Promise.withResolvers<void>();
  store.bind({
    ...first.transcript,
    async append(entries, place) {
      await gate.promise;
      await first.transcript.append(entries, place);
    },
  });
  await append(key('first'), [{ ...entry('1'), cwd: '/work' }]);
  await append(key('first', 'sub/agent'), [{ ...entry('s'), cwd: '/elsewhere' }]);
  expect(pause()).toBe(false);
  gate.resolve();
  await store.flush();
  expect(store.workingDir).toBe('/work');
  expect(pause()).toBe(true);
  expect(late).toBe(0);
  await append(key('first'), [entry('2')]);
  expect(late).toBe(1);
  store.bind(second.transcript);
  await append(key('first'), [entry('3')]);
  await store.flush();
  expect(late).toBe(1);
  expect(second.kept.map(({ entry: { uuid } }) => uuid)).toEqual(['2', '3']);
});

test('entries are stored in order, and waiting entries in one call for each place', async () => {
  const { store, append } = createStore();
  const keeper = createTranscript();
  const gate = Promise.withResolvers<void>();
  store.bind({
    ...keeper.transcript,
    async append(entries, place) {
      await gate.promise;
      await keeper.transcript.append(entries, place);
    },
  });
  await append(key('first'), [entry('1')]);
  // Answered though nothing is stored yet: Claude Code's messages would wait for it.
  await append(key('first'), [entry('2')]);
  await append(key('first', 'sub/agent'), [entry('s')]);
  await append(key('first'), [entry('3'), entry('4')]);
  expect(keeper.kept).toEqual([]);
  gate.resolve();
  await store.flush();
  expect(keeper.kept.map(({ entry: { uuid }, subpath }) => [uuid, subpath])).toEqual([
    ['1', ''],
    ['2', ''],
    ['3', ''],
    ['4', ''],
    ['s', 'sub/agent'],
  ]);
  expect(keeper.appends).toBe(3);
});

test('a transcript that rejects is not called again, and delays nothing', async () => {
  const { store, append } = createStore();
  let asked = 0;
  store.bind({
    ...createTranscript().transcript,
    async append() {
      asked += 1;
      throw new Error('The lease is lost.');
    },
  });
  await append(key('first'), [entry('1')]);
  await store.flush();
  await append(key('first'), [entry('2')]);
  await store.flush();
  expect(asked).toBe(1);
});

test('the cost of a process is neither stored nor loaded', async () => {
  const keeper = createTranscript();
  const { store, append } = createStore(keeper.transcript);
  store.bind(keeper.transcript);
  await append(key('first'), [entry('1'), { type: 'cost-state' }]);
  await append(key('first'), [{ type: 'cost-state' }]);
  await store.flush();
  expect(keeper.types()).toEqual(['user']);
  await keeper.transcript.append([{ type: 'cost-state' }], { claudeSessionId: 'first', subpath: '' });
  expect(await store.sdkStore.load(key('whatever'))).toEqual([entry('1')]);
});

test('a conversation is loaded whatever its directory was, with those of its subagents', async () => {
  const keeper = createTranscript();
  await keeper.transcript.append([entry('1')], { claudeSessionId: 'first', subpath: '' });
  await keeper.transcript.append([entry('s')], { claudeSessionId: 'first', subpath: 'sub/agent' });
  const { sdkStore } = createStore(keeper.transcript).store;
  expect(await sdkStore.load(key('first', 'sub/agent'))).toEqual([entry('s')]);
  expect(await sdkStore.listSubkeys?.(key('first'))).toEqual(['sub/agent']);
  expect(await createStore().store.sdkStore.load(key('first'))).toBeNull();
});

test('an append is answered only when the large results that it names are read', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'longhaul-store-'));
  const [sessionId, configDir] = [createId(), path.join(root, 'claude-resume-1')];
  const directory = path.join(configDir, 'projects/-the-workspace', sessionId, 'tool-results');
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'large.txt'), 'much text');
  const toolResults = createToolResults({ root });
  toolResults.useConfigDir(configDir);
  const store = createConversationStore({ toolResults, claudeSessionId: sessionId, resumeFrom: null });
  const keeper = createTranscript();
  store.bind(keeper.transcript);
  await store.sdkStore.append(key(sessionId), [{ ...entry('1'), text: `Read ${path.join(directory, 'large.txt')}.` }]);
  // The SDK does this at the end of a resumed process, after the answer to the last append.
  rmSync(root, { recursive: true });
  await store.flush();
  expect(keeper.files.get('large.txt')?.content.toString()).toBe('much text');
});
