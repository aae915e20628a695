/** How long it may take where no frames are drawn, as in a tab that is not seen. */
const LONGEST_MS = 250;

/** Gathers changes, so that however many there are they are shown once for each frame that the browser draws. */
export interface Frames {
  /** Calls `show` with the next frame, once however often it was asked for. */
  request(show: () => void): void;
}

/** Of a browser; on a server nothing is drawn. */
const { requestAnimationFrame, cancelAnimationFrame } = globalThis as {
  requestAnimationFrame?: (draw: () => void) => number;
  cancelAnimationFrame?: (frame: number) => void;
};

export function createFrames(): Frames {
  const wanted = new Set<() => void>();
  let frame: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function showAll(): void {
    if (frame !== undefined) cancelAnimationFrame?.(frame);
    clearTimeout(timer);
    [frame, timer] = [undefined, undefined];
    const shows = [...wanted];
    wanted.clear();
    for (const show of shows) show();
  }

  return {
    request(show) {
      wanted.add(show);
      if (timer !== undefined) return;
      timer = setTimeout(showAll, LONGEST_MS);
      frame = requestAnimationFrame?.(showAll);
    },
  };
}
