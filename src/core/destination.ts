import { isIP } from 'node:net';

/** A destination of connections in its parts. `port` is null for the ports of the web. */
export interface Destination {
  /** A name, `*.` and a domain, an address, or a network. */
  readonly host: string;
  readonly port: number | null;
}

/** Splits a destination into host and port. IPv6 addresses with a port have brackets. */
export function parseDestination(value: string): Destination {
  if (isIP(value) !== 0 || value.includes('/')) return { host: value, port: null };
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(value) ?? [];
  return { host: bracketed ?? plain ?? '', port: port === undefined ? null : Number(port) };
}
