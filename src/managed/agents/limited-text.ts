import { z } from 'zod';
import { countCharacters, findUnstorable } from '../../core/text.ts';

/** A text of `min` to `max` characters (code points) that every part of Longhaul can keep. `min` defaults to 0. */
export function limitedText({ min = 0, max }: { readonly min?: number; readonly max: number }) {
  const message = `must be a text of ${min === 0 ? 'at most' : `${min} to`} ${max} characters`;
  return z
    .string(message)
    .refine((text) => {
      const length = countCharacters(text);
      return length >= min && length <= max;
    }, message)
    .refine((text) => findUnstorable(text) === null, 'must have no NUL character and no lone surrogate');
}
