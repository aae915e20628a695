import { useEffect, useRef, useState } from 'react';

const SHOWN_MS = 1_500;

/** Copies a text to the clipboard, and confirms it for a moment. */
export function useCopy(): { isCopied: boolean; copy: (text: string) => void } {
  const [isCopied, setIsCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const copy = (text: string) => {
    write(text).then(
      () => {
        setIsCopied(true);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => setIsCopied(false), SHOWN_MS);
      },
      () => {}, // The browser did not allow it; the button still says "Copy".
    );
  };
  return { isCopied, copy };
}

/** Copies a selection instead: pages served over plain HTTP from another machine have no clipboard. */
async function write(text: string): Promise<void> {
  if ('clipboard' in navigator) return navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  field.style.position = 'fixed';
  field.style.opacity = '0';
  document.body.append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  if (!isDone) throw new Error('Nothing was copied.');
  return undefined;
}
