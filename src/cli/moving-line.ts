import { repeat } from '../core/timers.ts';
import type { Output } from './shell.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const CLEAR_LINE = '\r\x1b[2K';

/** Shows that work is in progress: on a terminal a moving line with the elapsed seconds, else one plain line. */
export async function withMovingLine<T>(
  output: Output,
  { text, work }: { text: string; work: () => Promise<T> },
): Promise<T> {
  if (!output.isTerminal) {
    output.line(`${text} …`);
    return work();
  }
  const startedAt = performance.now();
  let frame = 0;
  const draw = () => {
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    output.write(`${CLEAR_LINE}${FRAMES[frame++ % FRAMES.length]} ${text} … ${output.style('dim', `${seconds} s`)}`);
  };
  draw();
  const timer = repeat(FRAME_MS, draw);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    output.write(CLEAR_LINE);
  }
}
