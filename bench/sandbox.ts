import { say, startScriptedModel } from '../src/testing/index.ts';
import type { Bench } from './bench.ts';
import { prepareLonghaul, timeInTurns, type TimeFirstText } from './first-text.ts';
import { judge, type Measurement } from './measurement.ts';

const ROUNDS = 20;

const TOOLS = { tools: ['Bash'] };

/** Measures the time to first text of an agent in a sandbox against the same agent without, cold and with a spare. */
export async function measureSandbox(bench: Bench): Promise<Measurement> {
  const model = await startScriptedModel({ script: () => say('Here is something.'), keepRequests: 0 });
  bench.onEnd(() => model.close());
  const prepare = (agent: Parameters<typeof prepareLonghaul>[0]['agent']): Promise<TimeFirstText> =>
    prepareLonghaul({ bench, database: 'embedded', modelUrl: model.url, agent: { ...TOOLS, ...agent } });
  const contenders: (readonly [string, TimeFirstText])[] = [
    ['openCold', await prepare({ prewarm: false, sandbox: false })],
    ['sandboxCold', await prepare({ prewarm: false, sandbox: 'required' })],
    ['openSpare', await prepare({ prewarm: 1, sandbox: false })],
    ['sandboxSpare', await prepare({ prewarm: 1, sandbox: 'required' })],
  ];
  const medians = await timeInTurns(contenders, ROUNDS);
  const ratio = (way: string) => (medians.get(`sandbox${way}`) ?? NaN) / (medians.get(`open${way}`) ?? NaN);
  return judge(
    'sandbox',
    {
      rounds: ROUNDS,
      ...Object.fromEntries([...medians].map(([name, ms]) => [`${name}MedianMs`, ms])),
      coldRatio: ratio('Cold'),
      spareRatio: ratio('Spare'),
    },
    [
      { figure: 'coldRatio', atMost: 1.1 },
      { figure: 'spareRatio', atMost: 1.1 },
    ],
  );
}
