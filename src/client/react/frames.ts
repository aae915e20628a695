/** Maximum delay when no frames are drawn, for example in a hidden tab. */
const LONGEST_MS = 250;

/** Collects changes, so that any number of them is shown once per frame of the browser. */
export interface Frames {
  /** Calls `show` with the next frame, once even after several requests. */
  request(show: () => void): void;
}

/** Functions of a browser; a server draws no frames. */
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
