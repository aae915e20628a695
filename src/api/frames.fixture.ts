/** A block of a stream of server-sent events, by its fields, without comments. */
export type Frame = Partial<Record<'id' | 'event' | 'data' | 'retry', string>>;

/** Reads a stream of server-sent events block by block, as it is written. */
export interface FrameReader {
  next(): Promise<Frame>;
  /** Resolves when the server has ended the stream. */
  ended(): Promise<void>;
  close(): Promise<void>;
}

export function openFrames(response: Response): FrameReader {
  const chunks = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';

  async function next(): Promise<Frame | null> {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end < 0) {
        const { done, value } = await chunks.read();
        if (done) return null;
        text += value;
        continue;
      }
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const fields = lines.filter((line) => !line.startsWith(':')).map((line) => line.split(/: (.*)/s, 2));
      if (fields.length > 0) return Object.fromEntries(fields) as Frame;
    }
  }

  return {
    async next() {
      const frame = await next();
      if (frame === null) throw new Error('The stream has ended.');
      return frame;
    },
    async ended() {
      while ((await next()) !== null);
    },
    close: () => chunks.cancel(),
  };
}
