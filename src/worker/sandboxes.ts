import type { SandboxHost } from '../agent/sandbox/sandbox-host.ts';
import { openNetwork, type SandboxNetwork } from '../agent/sandbox/network.ts';
import { findSandbox } from '../agent/sandbox/sandbox.ts';
import { findServerAddresses } from '../agent/sandbox/server-addresses.ts';
import { toMessage } from '../core/errors.ts';
import { inBackground } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { report } from '../core/process-events.ts';
import { createEgress } from '../egress/egress.ts';
import type { Gateway } from '../gateway/gateway.ts';

export interface Sandboxes extends SandboxHost {
  close(): void;
}

interface SandboxesOptions {
  readonly gateway: Pick<Gateway, 'accept'>;
  readonly log: Logger;
}

/** Opens what the sandboxes of a worker's processes share: the way out, and a network that is ready for the next one. */
export function openSandboxes({ gateway, log }: SandboxesOptions): Sandboxes {
  const egress = createEgress({ log });
  const networks = createNetworks(log);
  return {
    takeNetwork: networks.take,
    acceptModelCall: gateway.accept,
    openGate({ agent, onConnection }) {
      return egress.open({
        agent: agent.name,
        allow: agent.sandbox?.allow ?? [],
        // The configuration itself names them: the agent may reach them wherever they are.
        trusted: findServerAddresses(agent.mcpServers),
        onConnection(connection) {
          report('sandbox.connected', { agent: agent.name, decision: connection.decision });
          onConnection(connection);
        },
      });
    },
    close() {
      networks.close();
      egress.close();
    },
  };
}

interface Networks {
  take(ports: readonly number[]): Promise<SandboxNetwork>;
  close(): void;
}

/**
 * Keeps one network ready, for the ports that were asked for last: to make one takes longer than the rest of a sandbox.
 * A network that waits needs no process.
 */
function createNetworks(log: Logger): Networks {
  let ready: { readonly ports: string; readonly network: Promise<SandboxNetwork | null> } | null = null;
  let isClosed = false;

  async function open(ports: readonly number[]): Promise<SandboxNetwork> {
    const found = await findSandbox();
    if (!('kind' in found)) throw new Error(found.missing);
    return openNetwork(ports, { isUserNamespace: found.kind !== 'root' });
  }

  function prepare(ports: readonly number[]): void {
    if (isClosed) return;
    const network = open(ports).catch((error: unknown) => {
      log.warn({ cause: toMessage(error) }, 'no network could be prepared for the next sandbox');
      return null;
    });
    ready = { ports: ports.join(), network };
  }

  return {
    async take(ports) {
      const waiting = ready;
      ready = null;
      try {
        const prepared = waiting?.ports === ports.join() ? await waiting.network : null;
        if (prepared === null) inBackground(async () => (await waiting?.network)?.close());
        return prepared ?? (await open(ports));
      } finally {
        prepare(ports);
      }
    },
    close() {
      isClosed = true;
      const waiting = ready;
      ready = null;
      inBackground(async () => (await waiting?.network)?.close());
    },
  };
}
