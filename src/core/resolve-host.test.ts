import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askNameServers, chooseResolver } from './resolve-host.ts';

const A = 1;
const NO_SUCH_NAME = 3;

describe('looking up a host', () => {
  const server = createSocket('udp4');
  let address = '';

  beforeAll(async () => {
    // A name server that knows only the IPv4 address of `hooks.example.com`.
    server.on('message', (query, peer) => {
      const question = query.subarray(12, query.indexOf(0, 12) + 5);
      const isKnown = question.includes('hooks');
      const isAnswered = isKnown && question.readUInt16BE(question.length - 4) === A;
      const header = Buffer.from(query.subarray(0, 12));
      header.writeUInt16BE(0x8180 | (isKnown ? 0 : NO_SUCH_NAME), 2);
      header.writeUInt16BE(isAnswered ? 1 : 0, 6);
      header.writeUInt32BE(0, 8);
      const answer = Buffer.from([0xc0, 0x0c, 0, A, 0, 1, 0, 0, 0, 60, 0, 4, 93, 184, 216, 34]);
      server.send(Buffer.concat([header, question, ...(isAnswered ? [answer] : [])]), peer.port, peer.address);
    });
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    address = `127.0.0.1:${server.address().port}`;
  });
  afterAll(() => new Promise<void>((resolve) => void server.close(() => resolve())));

  it('asks name servers for both kinds of address, and returns the addresses that exist', async () => {
    expect(await askNameServers('hooks.example.com', [address])).toEqual([{ address: '93.184.216.34', family: 4 }]);
    await expect(askNameServers('other.example.com', [address])).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('uses the files of this machine where private hosts are allowed', async () => {
    const resolve = chooseResolver({ allowPrivateAddresses: true, allow: [] });
    expect((await resolve('localhost')).map((one) => one.address)).toContain('127.0.0.1');
  });
});
