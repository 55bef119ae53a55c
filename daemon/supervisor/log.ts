/**
 * The daemon's log, by winston: to standard error, which systemd or the starter's log file takes, or
 * to a file that the configuration names.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { Writable } from "node:stream";
import { createLogger, format, transports } from "winston";
import { type Configuration, ConfigurationError } from "../configuration/configuration.js";

export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

type LogConfiguration = Pick<Configuration, "logLevel" | "logFormat" | "logFile">;

/** sd-daemon(3): a line that starts with its priority. */
const journalPriority: Record<string, number> = { error: 3, warn: 4, info: 6, debug: 7 };

const STDERR = 2;
const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;

export class DaemonLog implements Log {
  private readonly logger = createLogger();
  private file: number | undefined;

  /** Mounts are not kept waiting for a file to log to: standard error does, and says so. */
  constructor(configuration: LogConfiguration) {
    try {
      this.configure(configuration);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      this.configure({ ...configuration, logFile: undefined });
      this.error(`${error.message}; until a reload finds that it can be, the log goes here`);
    }
  }

  /**
   * A file is opened anew each time: the old one may have been moved away by logrotate(8). Throws
   * ConfigurationError where it cannot be opened; all is as before then.
   */
  configure({ logLevel, logFormat, logFile }: LogConfiguration): void {
    const file = logFile === undefined ? undefined : openLogFile(logFile);
    const prefixed = file === undefined && isJournal();
    this.logger.configure({
      level: logLevel,
      format: format.combine(
        format.timestamp(),
        logFormat === "json" ? jsonLine(prefixed) : humanLine(prefixed),
      ),
      transports: [new transports.Stream({ stream: new LineStream(file ?? STDERR) })],
    });
    if (this.file !== undefined) closeSync(this.file);
    this.file = file;
  }

  debug(message: string): void {
    this.logger.debug(message);
  }

  info(message: string): void {
    this.logger.info(message);
  }

  warn(message: string): void {
    this.logger.warn(message);
  }

  error(message: string): void {
    this.logger.error(message);
  }
}

/** The time goes before the line; in the journal, which knows the time, the priority does. */
function humanLine(journal: boolean) {
  return format.printf(({ level, message, timestamp }) => {
    // One event is one line, whatever a file name holds.
    const text = String(message).replace(/\p{Cc}/gu, (c) =>
      escaped(JSON.stringify(c).slice(1, -1)),
    );
    return journal ? `${priority(level)}${text}` : `${timestamp} ${level}: ${text}`;
  });
}

function jsonLine(journal: boolean) {
  return format.printf(({ level, message, timestamp }) => {
    const line = escaped(JSON.stringify({ time: timestamp, level, message }));
    return journal ? `${priority(level)}${line}` : line;
  });
}

/** JSON leaves these as they are, and terminals obey some of them. */
function escaped(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

/** How a line to standard error begins, where no log is open yet. */
export function lineStart(level: "error"): string {
  return isJournal() ? priority(level) : "";
}

function priority(level: string): string {
  return `<${journalPriority[level]}>`;
}

/** systemd.exec(5), $JOURNAL_STREAM: a child of a service has the variable, but may write elsewhere. */
function isJournal(): boolean {
  const { dev, ino } = fstatSync(STDERR);
  return process.env.JOURNAL_STREAM === `${dev}:${ino}`;
}

function openLogFile(path: string): number {
  try {
    // Without O_NONBLOCK a FIFO would wait for its reader.
    return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigurationError(`log-file ${path} cannot be opened: ${code}`);
  }
}

/**
 * Written at once, not by winston's own transports: with those the daemon's last words would be lost,
 * and a disk without room for a line would be the daemon's end.
 */
class LineStream extends Writable {
  private lost = 0;

  constructor(private readonly file: number) {
    super({ decodeStrings: false });
  }

  override _write(line: string, _: string, done: () => void): void {
    const { file } = this;
    if (this.lost > 0 && tryToWrite(file, `... ${this.lost} lines are lost\n`)) this.lost = 0;
    // A file that takes no more is no reason to be silent.
    const written = tryToWrite(file, line) || (file !== STDERR && tryToWrite(STDERR, line));
    if (!written) this.lost++;
    done();
  }
}

/** False where there is no room, or nobody who reads: then there is nobody to tell it to, either. */
function tryToWrite(file: number, line: string): boolean {
  try {
    writeSync(file, line);
    return true;
  } catch {
    return false;
  }
}
