import pino, { type Logger } from "pino";

export type { Logger };

/** Fields that may hold key material; their values never reach a log line, however deep they lie. */
const secretFields = ["key", "privateKey", "password", "mnemonic", "keystore", "secret", "authorization"];

/** Anything that looks like 32 bytes right behind a word for a key, wherever it stands in a text. */
const secretInText = /((?:private|secret)?[ _-]?key["':= ]+)(?:0x)?[0-9a-f]{64}/gi;

const withoutSecrets = (text: string) => text.replace(secretInText, "$1[redacted]");

/** @returns a copy of `error` that a log may hold: type, message, stack and causes, and no other field. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return withoutSecrets(String(error));
  return {
    type: error.name,
    message: withoutSecrets(error.message),
    ...(error.stack === undefined ? {} : { stack: withoutSecrets(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** @param level pino's: fatal, error, warn, info, debug, trace or silent. One JSON object a line on standard error. */
export function createLog(level: string): Logger {
  return pino(
    {
      level,
      base: null,
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: "[redacted]" },
      serializers: { err: describeError },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
