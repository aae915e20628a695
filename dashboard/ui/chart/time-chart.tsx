import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatInstant } from '../format/format.ts';
import classes from './time-chart.module.css';

export interface Series {
  readonly label: string;
  /** Value of each step; null when unknown. */
  readonly values: readonly (number | null)[];
  /** Number of the palette's colour, 1 to 6. */
  readonly color: 1 | 2 | 3 | 4 | 5 | 6;
}

interface TimeChartProps {
  /** Label for screen readers. */
  readonly label: string;
  /** Start of each step, ISO 8601, in order. */
  readonly at: readonly string[];
  readonly series: readonly Series[];
  /** Bars are stacked. */
  readonly kind: 'bars' | 'lines';
  readonly format: (value: number) => string;
  readonly height?: number;
  /** A horizontal line, such as a budget. */
  readonly limit?: number | null;
}

/** A chart of figures over time. A legend above shows the values at the pointer. */
export function TimeChart({ label, at, series, kind, format, height = 150, limit = null }: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const scheme = useComputedColorScheme('light');
  const isBars = kind === 'bars';
  const data = useMemo(() => toData(at, series, isBars, limit), [at, series, isBars, limit]);
  const current = useRef(data);
  current.current = data;
  const shape = series.map(({ color }) => color).join() + (limit === null ? '' : ' limit');

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const colors = shape
      .split(' ')[0]!
      .split(',')
      .map((color) => readColor(element, `--chart-${color}`));
    const one = new UPlot(
      {
        width: element.clientWidth || 300,
        height,
        padding: [8, 18, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: !isBars }, drag: { x: false, y: false } },
        scales: {
          // A bar covers the time from the start of its step.
          x: { range: (u, min, max) => [min, isBars ? max + stepOf(u) : max] },
          y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
        },
        axes: [
          { ...axis(element), values: (_, splits, __, ___, step) => splits.map((split) => toTick(split, step)) },
          {
            ...axis(element),
            size: (u, values) => measure(u, values ?? []),
            values: (_, splits) => splits.map(format),
            grid: { stroke: readColor(element, '--chart-grid'), width: 1 },
          },
        ],
        series: [{}, ...toSeries(colors, isBars), ...(shape.endsWith(' limit') ? [toLimit(element)] : [])],
        hooks: { setCursor: [({ cursor }) => setPointed(cursor.idx ?? null)] },
      },
      current.current,
      element,
    );
    plot.current = one;
    const observer = new ResizeObserver(() => one.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      one.destroy();
      plot.current = null;
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- `format` and the data do not change the options
  }, [height, isBars, shape, scheme]);

  useEffect(() => plot.current?.setData(data), [data]);

  const shown = pointed !== null && pointed < at.length ? pointed : null;
  return (
    <figure className={classes['chart']}>
      <figcaption className={classes['legend']}>
        {series.map(({ label: name, color, values }) => {
          const value = shown === null ? undefined : values[shown];
          return (
            <span key={name}>
              <span className={classes['swatch']} style={{ background: `var(--chart-${color})` }} aria-hidden />
              {name}
              {value !== undefined && <b className="numeric">{value === null ? '–' : format(value)}</b>}
            </span>
          );
        })}
        {shown !== null && (
          <span className={classes['at']}>{formatInstant(Date.parse(at[shown]!)).replace(/:00\.000/, '')}</span>
        )}
      </figcaption>
      <div ref={box} role="img" aria-label={`${label}. ${toSummary(series, format)}`} style={{ minHeight: height }} />
    </figure>
  );
}

function toData(
  at: readonly string[],
  series: readonly Series[],
  isStacked: boolean,
  limit: number | null,
): UPlot.AlignedData {
  const times = at.map((text) => Date.parse(text) / 1_000);
  const columns: (number | null)[][] = [];
  for (const { values } of series) {
    const below = columns.at(-1);
    columns.push(
      values.map((value, index) => (isStacked ? (value ?? 0) + ((below?.[index] as number | undefined) ?? 0) : value)),
    );
  }
  // The top of a stack is drawn first.
  if (isStacked) columns.reverse();
  if (limit !== null) columns.push(times.map(() => limit));
  return [times, ...columns];
}

function toSeries(colors: readonly string[], isBars: boolean): UPlot.Series[] {
  if (!isBars) return colors.map((stroke) => ({ stroke, width: 1.75, points: { show: false }, spanGaps: false }));
  const bars = UPlot.paths.bars!({ size: [0.72, 24], radius: 0.1, align: 1 });
  return colors.map((fill) => ({ fill, width: 0, paths: bars, points: { show: false } })).reverse();
}

function toLimit(element: HTMLElement): UPlot.Series {
  return { stroke: readColor(element, '--red'), width: 1, dash: [4, 4], points: { show: false } };
}

function axis(element: HTMLElement): UPlot.Axis {
  return {
    stroke: readColor(element, '--text-quiet'),
    font: `11px ${getComputedStyle(element).fontFamily}`,
    grid: { show: false },
    ticks: { show: false },
    gap: 6,
    size: 26,
  };
}

/** Computes the width of the widest label. */
function measure({ ctx }: UPlot, labels: readonly string[]): number {
  const longest = labels.reduce((most, text) => (text.length > most.length ? text : most), '');
  return ctx.measureText(longest).width / devicePixelRatio + 18;
}

function stepOf({ data: [at] }: UPlot): number {
  return at.length < 2 ? 3_600 : at[at.length - 1]! - at[at.length - 2]!;
}

function toTick(seconds: number, stepSeconds: number): string {
  const date = new Date(seconds * 1_000);
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
  return stepSeconds >= 86_400 || isMidnight
    ? date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
    : date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

function readColor(element: HTMLElement, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

function toSummary(series: readonly Series[], format: TimeChartProps['format']): string {
  return series
    .map(({ label, values }) => {
      const known = values.filter((value) => value !== null);
      const last = known.at(-1);
      return last === undefined
        ? `${label}: nothing`
        : `${label}: at most ${format(known.reduce((most, value) => Math.max(most, value)))}, last ${format(last)}`;
    })
    .join('; ');
}
