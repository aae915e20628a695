import { isIP } from 'node:net';
import { generate } from 'selfsigned';

/** A certificate authority and a certificate that it issued, as PEM texts. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Creates an authority and a certificate for a name or an address, by default `localhost`, which 127.0.0.1 is not. */
export async function makeCertificates(hostname = 'localhost'): Promise<Certificates> {
  const ca = await generate([{ name: 'commonName', value: 'Longhaul test authority' }], {
    keySize: 2_048,
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const issued = await generate([{ name: 'commonName', value: hostname }], {
    keySize: 2_048,
    algorithm: 'sha256',
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames: [toAltName(hostname)] },
    ],
  });
  return { authority: ca.cert, certificate: issued.cert, key: issued.private };
}

function toAltName(hostname: string) {
  return isIP(hostname) === 0 ? { type: 2 as const, value: hostname } : { type: 7 as const, ip: hostname };
}
