import { expect, test } from 'vitest';
import { readStartTime } from '../../core/process-identity.ts';
import { listProcesses, parsePs } from './process-table.ts';

test('this process is in the table, under its parent', async () => {
  const own = (await listProcesses()).find(({ pid }) => pid === process.pid);
  expect(own).toMatchObject({ parentPid: process.ppid, startTime: readStartTime(process.pid) });
});

test('the rows of ps give pid, parent and marks, without zombies', () => {
  const output = [
    '    1     0 Ss   /sbin/launchd',
    '  410     1 S+   /opt/claude --verbose PATH=/bin LONGHAUL_ATTEMPT=a-1 LONGHAUL_WORKER=77:unknown HOME=/x',
    '  411   410 Z    (sleep)',
    '',
  ].join('\n');
  expect(parsePs(output)).toEqual([
    { pid: 1, parentPid: 0, attemptId: null, worker: null },
    { pid: 410, parentPid: 1, attemptId: 'a-1', worker: '77:unknown' },
  ]);
});
