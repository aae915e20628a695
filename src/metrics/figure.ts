import type { FleetMetric, LabelsOf } from './metric-table.ts';

/** A value of a metric of the fleet. */
export interface Figure {
  readonly name: FleetMetric;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Creates a figure. The labels are those of the table of metrics. */
export function figure<Name extends FleetMetric>(name: Name, labels: LabelsOf<Name>, value: number): Figure {
  return { name, labels, value };
}
