/** Colour of a status. */
export type Tone = 'green' | 'red' | 'amber' | 'blue' | 'gray' | 'accent';
