import { MOST_MODELS, OTHER } from './totals.ts';

/** Limits the values of a label: what comes from outside must not make a metric grow without end. */
export interface LabelLimit {
  /** Returns the value if it is admitted, else `other`. */
  label(value: string): string;
  /** Admits a value while there is room. */
  admit(value: string): void;
}

export function createLabelLimit(known: Iterable<string> = [], most = MOST_MODELS): LabelLimit {
  const admitted = new Set(known);
  return {
    label: (value) => (admitted.has(value) ? value : OTHER),
    admit(value) {
      if (admitted.size < most) admitted.add(value);
    },
  };
}
