/** How something is coloured that says how things stand. */
export type Tone = 'green' | 'red' | 'amber' | 'blue' | 'gray' | 'accent';
