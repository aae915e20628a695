export type Figures = Readonly<Record<string, number>>;

/** A promise about a figure: its name, and its bound. */
export type Bound<F extends Figures> = { readonly figure: keyof F & string } & (
  | { readonly below: number }
  | { readonly atMost: number }
  | { readonly atLeast: number }
);

/** The printed result of one measurement. */
export interface Measurement {
  readonly name: string;
  /** By name; the unit is in the name. */
  readonly figures: Figures;
  readonly promises: readonly (Bound<Figures> & { readonly holds: boolean })[];
  /** True when every promise holds. */
  readonly holds: boolean;
}

/** Checks figures against their promises. */
export function judge<F extends Figures>(name: string, figures: F, bounds: readonly Bound<F>[] = []): Measurement {
  const promises = bounds.map((bound) => {
    const value = figures[bound.figure] ?? NaN;
    return { ...bound, holds: isKept(bound, value) };
  });
  const rounded = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, round(value)]));
  return { name, figures: rounded, promises, holds: promises.every(({ holds }) => holds) };
}

function isKept(bound: Bound<Figures>, value: number): boolean {
  if ('below' in bound) return value < bound.below;
  return 'atMost' in bound ? value <= bound.atMost : value >= bound.atLeast;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
