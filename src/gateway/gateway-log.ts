type LogLine = (fields: object, message: string) => void;

/** Receives the gateway's log lines: never a token, a credential or a prompt. A pino logger fits. */
export interface GatewayLog {
  readonly debug: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
}

const ignore: LogLine = () => undefined;

export const NO_LOG: GatewayLog = { debug: ignore, warn: ignore, error: ignore };
