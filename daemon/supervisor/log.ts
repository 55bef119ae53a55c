/** The daemon's log: winston to standard error, which systemd or the starter's log file takes. */
import { createLogger, format, transports } from "winston";

export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** sd-daemon(3): a line that starts with its priority. */
const journalPriority: Record<string, number> = { error: 3, warn: 4, info: 6 };

/** Human lines with the time; under systemd, which adds the time, with the priority instead. */
export function createLog(environment: NodeJS.ProcessEnv = process.env): Log {
  const journal = environment.JOURNAL_STREAM !== undefined;
  const line = format.printf(({ level, message, timestamp }) => {
    // One event is one line, whatever a file name holds.
    const text = String(message).replace(/\p{Cc}/gu, (c) => JSON.stringify(c).slice(1, -1));
    return journal ? `<${journalPriority[level] ?? 6}>${text}` : `${timestamp} ${level}: ${text}`;
  });
  return createLogger({
    level: "info",
    format: format.combine(format.timestamp(), line),
    transports: [new transports.Console({ stderrLevels: ["error", "warn", "info"] })],
  });
}
