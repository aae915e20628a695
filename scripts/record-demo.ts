import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { toAnimatedSvg } from './animated-svg.ts';
import { playRecording, type Chunk } from './terminal-screen.ts';

// Writes `docs/demo.svg`: the real demo, run in a separate terminal with `script` of util-linux, with its colours and
// its timing. Only pauses longer than MAX_PAUSE_MS are shortened.

const COMMAND = 'npm run -s demo';
const COLUMNS = 92;
const ROWS = 30;
const MAX_PAUSE_MS = 1_500;

const root = path.resolve(import.meta.dirname, '..');
const recording = await record();
const lines = playRecording(recording, { columns: COLUMNS });
const svg = toAnimatedSvg({ lines, title: 'longhaul demo', columns: COLUMNS, rows: ROWS });
writeFileSync(path.join(root, 'docs/demo.svg'), svg);
console.log(`docs/demo.svg: ${lines.length} lines, ${(svg.length / 1_000).toFixed(0)} kB`);

/** Records the output of the terminal, including the command typed at a prompt, with the time of each piece. */
async function record(): Promise<Chunk[]> {
  const home = mkdtempSync(path.join(tmpdir(), 'longhaul-recording-'));
  try {
    const typed = typeCommand();
    const child = spawn('script', ['-qfec', `stty cols ${COLUMNS} rows ${ROWS}; exec ${COMMAND}`, '/dev/null'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      // Without provider keys and settings of the person who records: the demo as on a fresh machine.
      env: { PATH: process.env['PATH'], HOME: home, TMPDIR: home, TERM: 'xterm-256color', LANG: 'C.UTF-8' },
    });
    const closed = once(child, 'close');
    const chunks: Chunk[] = [];
    let clockMs = typed.at(-1)?.atMs ?? 0;
    let lastMs = performance.now();
    for await (const text of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
      const nowMs = performance.now();
      clockMs += Math.min(nowMs - lastMs, MAX_PAUSE_MS);
      lastMs = nowMs;
      chunks.push({ atMs: clockMs, text });
    }
    const [exitCode] = (await closed) as [number | null];
    if (exitCode !== 0) throw new Error(`${COMMAND} ended with ${exitCode}: docs/demo.svg was not written.`);
    return [...typed, ...chunks];
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function typeCommand(): Chunk[] {
  const keys = Array.from(COMMAND, (text, index) => ({ atMs: 600 + index * 55, text }));
  return [
    { atMs: 0, text: '\u001B[32m$\u001B[39m ' },
    ...keys,
    { atMs: 600 + COMMAND.length * 55 + 250, text: '\r\n' },
  ];
}
