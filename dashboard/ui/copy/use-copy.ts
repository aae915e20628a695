import { useEffect, useRef, useState } from 'react';

const SHOWN_MS = 1_500;

/** Puts a text on the clipboard, and says for a moment that it is there. */
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
      () => {}, // The browser did not let it; it still reads "Copy".
    );
  };
  return { isCopied, copy };
}

/** Pages that are not served over HTTPS or from this machine have no clipboard: there a selection is copied. */
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
