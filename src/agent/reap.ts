import { sweepOrphans } from './sweep.ts';

// What a reaper runs when its worker is gone: see `reaper.ts`.
await sweepOrphans();
