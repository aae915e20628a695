import { describe, expect, it } from 'vitest';
import type { ModelUsage } from '../../core/usage.ts';
import { toCharge } from './charge.ts';
import type { Spending } from './spending.ts';

const tokens = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheCreationTokens: 0 };

const spending = (models: Record<string, Partial<ModelUsage>>): Spending => {
  const filled = Object.entries(models).map(([name, usage]): [string, ModelUsage] => [
    name,
    { ...tokens, costUsd: 0, ...usage },
  ]);
  const costMicros = filled.reduce((sum, [, { costUsd }]) => sum + Math.round(costUsd * 1e6), 0);
  return { costMicros, models: Object.fromEntries(filled) };
};

const costs = ({ costMicros, models }: ReturnType<typeof toCharge>) => ({
  costMicros,
  models: Object.fromEntries(
    Object.entries(models).map(([name, { costUsd, sdkCostMicros }]) => [
      name,
      [Math.round(costUsd * 1e6), sdkCostMicros],
    ]),
  ),
});

const ARN = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc';

describe('an attempt', () => {
  it.each([
    ['an ARN', ARN, 'claude-haiku-4-5-20251001', 'claude-haiku-4-5'],
    ['a profile', 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
    ['an alias', 'my-alias', 'claude-haiku-5-5', 'claude-haiku-5-5'],
    ['a dated name', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5', 'claude-sonnet-4-5'],
    ['a long one', 'claude-sonnet-4-5-20250929[1m]', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
  ])(
    'is charged by the model that answered to %s, once, with the SDK’s figure beside it',
    (_, asked, answered, name) => {
      const metered = spending({ [answered]: { costUsd: 0.001, requestedModels: [asked] } });
      const charge = toCharge(metered, spending({ [asked]: { costUsd: 0.04 } }));
      expect(costs(charge)).toEqual({ costMicros: 1_000, models: { [name]: [1_000, 40_000] } });
      expect(charge.models[name]).toMatchObject(tokens);
    },
  );

  it('is charged by its own price where one is set, which is compared with no other', () => {
    const metered = spending({ 'my-model': { costUsd: 0.00001, isPriceSet: true } });
    const charge = toCharge(metered, spending({ 'my-model': { costUsd: 0.0005 } }));
    expect(costs(charge)).toEqual({ costMicros: 10, models: { 'my-model': [10, null] } });
  });

  it('is not compared with a price that the SDK guesses', () => {
    const metered = spending({ 'claude-haiku-5-5': { costUsd: 0.001, requestedModels: [ARN] } });
    const charge = toCharge(metered, spending({ [ARN]: { costUsd: 0.04, isCostBasisUnknown: true } }));
    expect(costs(charge)).toEqual({ costMicros: 1_000, models: { 'claude-haiku-5-5': [1_000, null] } });
  });

  it.each([
    [ARN, 1_000],
    ['sonnet', 1_000],
    ['claude-haiku-4-5[1m]', 40_000],
    ['eu.anthropic.claude-haiku-4-5-20251001-v1:0', 40_000],
  ])(
    'is charged by a higher SDK figure instead of an estimate only if the SDK has priced the same model: %s',
    (asked, micros) => {
      const name = 'claude-haiku-4-5';
      const metered = spending({ [name]: { costUsd: 0.001, isEstimated: true, requestedModels: [asked] } });
      expect(toCharge(metered, spending({ [asked]: { costUsd: 0.04 } })).costMicros).toBe(micros);
    },
  );

  it('is charged by the SDK’s figure for an answer that the gateway could only estimate', () => {
    const metered = spending({ 'claude-opus-4-8': { costUsd: 0.001, isEstimated: true }, b: { costUsd: 0.001 } });
    const reported = spending({ 'claude-opus-4-8': { costUsd: 0.003 }, b: { costUsd: 0.002 } });
    expect(costs(toCharge(metered, reported))).toEqual({
      costMicros: 4_000,
      models: { 'claude-opus-4-8': [3_000, 3_000], b: [1_000, 2_000] },
    });
    const less = spending({ 'claude-opus-4-8': { costUsd: 0.0005 } });
    expect(toCharge(metered, less).costMicros).toBe(2_000);
  });

  it('is charged by the SDK’s figure where the gateway has no record', () => {
    const reported = spending({ 'claude-opus-4-8-20260101': { costUsd: 0.003 } });
    expect(costs(toCharge({ costMicros: 0, models: {} }, reported))).toEqual({
      costMicros: 3_000,
      models: { 'claude-opus-4-8': [3_000, 3_000] },
    });
    expect(toCharge({ costMicros: 0, models: {} }, null)).toEqual({ costMicros: 0, models: {} });
  });
});

describe('the SDK’s figure', () => {
  it('is divided where several models have answered to one name', () => {
    const metered = spending({
      a: { costUsd: 0.002, requestedModels: ['x'] },
      b: { costUsd: 0.001, requestedModels: ['x'] },
    });
    expect(costs(toCharge(metered, spending({ x: { costUsd: 0.0101 } }))).models).toEqual({
      a: [2_000, 6_733],
      b: [1_000, 3_367],
    });
  });

  it('is the sum where one model has answered to several names', () => {
    const metered = spending({ 'claude-sonnet-5-5': { costUsd: 0.002, requestedModels: ['sonnet', 'x'] } });
    const reported = spending({ x: { costUsd: 0.001 }, 'claude-sonnet-5-5': { costUsd: 0.002 } });
    expect(costs(toCharge(metered, reported)).models).toEqual({ 'claude-sonnet-5-5': [2_000, 3_000] });
  });

  it('under an unknown name goes to the models without another figure, and is no separate spending', () => {
    const metered = spending({ a: { costUsd: 0.002 }, b: { costUsd: 0.001 } });
    const reported = spending({ a: { costUsd: 0.002 }, strange: { costUsd: 0.005 } });
    expect(costs(toCharge(metered, reported))).toEqual({
      costMicros: 3_000,
      models: { a: [2_000, 2_000], b: [1_000, 5_000] },
    });
    const said = spending({ a: {}, b: {}, strange: { costUsd: 0.005 } });
    expect(toCharge(metered, said).costMicros).toBe(3_000);
  });
});

it('merges the names of one model', () => {
  const metered = spending({
    'claude-sonnet-4-5': { costUsd: 0.001, requestedModels: ['claude-sonnet-4-5[1m]'] },
    'us.anthropic.claude-sonnet-4-5-20250929-v1:0': { costUsd: 0.002, isEstimated: true, requestedModels: ['x'] },
  });
  expect(toCharge(metered, null)).toMatchObject({
    costMicros: 3_000,
    models: { 'claude-sonnet-4-5': { inputTokens: 20, costUsd: 0.003, isEstimated: true, requestedModels: ['x'] } },
  });
});
