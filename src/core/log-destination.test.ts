import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogDestination } from './log-destination.ts';

describe.runIf(process.platform === 'linux')('a log that cannot be written', () => {
  it('loses only its lines when the disk is full', () => {
    const fd = openSync('/dev/full', 'w');
    const destination = createLogDestination(fd);
    destination.write('one\n');
    destination.write('two\n');
    closeSync(fd);
  });

  it('reports the number of lost lines when it can be written again', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'longhaul-log-'));
    const file = path.join(directory, 'log');
    const full = openSync('/dev/full', 'w');
    const destination = createLogDestination(full);
    destination.write('one\n');
    destination.write('two\n');
    closeSync(full);
    // The lowest free descriptor: the file gets the descriptor that the full device had.
    expect(openSync(file, 'w')).toBe(full);
    destination.write('three\n');
    closeSync(full);
    const [notice = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n');
    rmSync(directory, { recursive: true });
    expect(JSON.parse(notice)).toMatchObject({ level: 40, lines: 2 });
    expect(lines).toEqual(['three']);
  });
});
