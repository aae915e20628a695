type LogLine = (fields: object, message: string) => void;

/** Where the gateway reports what no caller waits for: never a token, a credential or a prompt. A pino logger is one. */
export interface GatewayLog {
  readonly debug: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
}

const ignore: LogLine = () => undefined;

export const NO_LOG: GatewayLog = { debug: ignore, warn: ignore, error: ignore };
