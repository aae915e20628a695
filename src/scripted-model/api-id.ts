import { randomBytes } from 'node:crypto';

/** Creates an id in the form of Anthropic's API: `msg_01…`, `toolu_01…`, `req_01…`. */
export function createApiId(prefix: 'msg' | 'toolu' | 'srvtoolu' | 'req'): string {
  return `${prefix}_01${randomBytes(11).toString('hex')}`;
}
