import { randomBytes } from 'node:crypto';

/** A new id in the form Anthropic's API uses: `msg_01…`, `toolu_01…`, `req_01…`. */
export function createApiId(prefix: 'msg' | 'toolu' | 'srvtoolu' | 'req'): string {
  return `${prefix}_01${randomBytes(11).toString('hex')}`;
}
