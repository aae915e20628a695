import { say, think, useTool } from './blocks.ts';
import type { ToolCall } from './conversation.ts';
import { readToolCalls } from './conversation.ts';
import type { SeenFile } from './demo-answer.ts';
import { describeWorkspace } from './demo-answer.ts';
import type { ModelRequest } from './model-request.ts';
import type { Turn } from './turns.ts';

/** About the pace of a real model, for watching. */
const WORD_DELAY_MS = 15;
const MAX_FILES_READ = 3;

const TEXT_FILE =
  /\.(md|mdx|txt|rst|adoc|csv|tsv|json|ya?ml|toml|xml|html?|css|[cm]?[jt]sx?|py|rb|go|rs|java|kt|c|h|cpp|cs|php|sh|sql)$/i;
const TEXT_NAME = /(^|\/)(readme|license|changelog|makefile|dockerfile)$/i;
/** Hidden files and dependencies, which are of no interest to a newcomer. */
const PASSED_OVER = /(^|\/)(\.|node_modules\/)/;

/**
 * The script without a provider: lists the workspace, reads up to three text files of it and reports its findings, with
 * the tools that the request offers. Everything it writes about files comes from the tools; the wording is the
 * script's.
 */
export function demoScript(request: ModelRequest): Turn {
  const calls = readToolCalls(request.body.messages);
  const listing = calls.find((call) => call.name === 'Glob');
  if (listing === undefined && request.toolNames.includes('Glob')) {
    const plan = 'I will look at what is in the workspace first, then read what seems worth reading.';
    return [isThinking(request) ? think(plan) : say(plan), useTool('Glob', { pattern: '**/*' })];
  }

  const found = listing === undefined ? null : readListing(listing);
  const reads = calls.filter((call) => call.name === 'Read');
  const worthReading = (found?.paths ?? []).filter(isText).sort(byPlace).slice(0, MAX_FILES_READ);
  if (reads.length === 0 && worthReading.length > 0 && request.toolNames.includes('Read')) {
    return worthReading.map((path) => useTool('Read', { file_path: path }));
  }

  const answer = describeWorkspace({ prompt: request.prompt, found, files: reads.map(readFile) });
  return say(answer, { chunks: answer.split(/(?<=\s)(?=\S)/), chunkDelayMs: WORD_DELAY_MS });
}

/** Returns whether the conversation has thinking: without it, a real model sends no thought. */
function isThinking(request: ModelRequest): boolean {
  const thinking = request.body['thinking'] as { type?: unknown } | undefined;
  return thinking?.type === 'enabled' || thinking?.type === 'adaptive';
}

/** Reads a result of Glob: a path per line, `No files found`, or a hundred paths and the total number in brackets. */
function readListing({ result }: ToolCall): { paths: string[]; count: number } | null {
  if (result.isError) return null;
  const lines = withoutReminders(result.content)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const paths = lines.filter((line) => !line.startsWith('(') && line !== 'No files found');
  const total = /^\(Showing \d+ of (\d+) /m.exec(result.content)?.[1];
  return { paths: paths.filter((path) => !PASSED_OVER.test(path)), count: Number(total ?? paths.length) };
}

/** Reads a result of Read: each line after its number. A final line break appears as another empty line. */
function readFile({ input, result }: ToolCall): SeenFile {
  const path = String(input['file_path']);
  if (result.isError) return { path, lines: null };
  const lines = [...withoutReminders(result.content).matchAll(/^ *\d+[\t→](.*)$/gm)].map((match) => match[1] ?? '');
  return { path, lines: lines.at(-1) === '' ? lines.slice(0, -1) : lines };
}

/** Removes the reminder to the model that Claude Code may append to a result. */
function withoutReminders(text: string): string {
  return text.replace(/\s*<system-reminder>[^]*<\/system-reminder>\s*$/, '');
}

function isText(path: string): boolean {
  return TEXT_FILE.test(path) || TEXT_NAME.test(path);
}

/** Orders a readme first, then files near the top. */
function byPlace(a: string, b: string): number {
  return rank(a) - rank(b) || a.localeCompare(b, 'en');
}

function rank(path: string): number {
  return path.split('/').length - (/(^|\/)readme(\.|$)/i.test(path) ? 0.5 : 0);
}
