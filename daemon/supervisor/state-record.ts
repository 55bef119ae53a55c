/**
 * What the supervisor knows of a mount, on disk: the truth for the supervisor after it. What a
 * server hands over is checked against this, never the other way round.
 *
 * One JSON file a mount in the runtime folder, which does not outlive a boot. Key material is not
 * in it.
 */
import { readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PoisonedRequest } from "../../fs-adapter/dev-fuse/dispatcher.js";
import type { ImageDescription } from "../../image-core/description.js";
import type { AttributeOverrides } from "../../image-core/filesystem/overrides.js";
import type { VolumeStatistics } from "../../image-core/filesystem/volume.js";
import type { GivenNeed, ServerConfig } from "../server/messages.js";
import { Fields } from "./validate.js";

const MAX_TEXT = 8192;
/** Changes when an older or newer isomountd would misunderstand the rest. */
const RECORD_VERSION = 1;
/** Changes when the same object would get another node id: the kernel remembers those. */
export const NODE_ID_VERSION = 1;

export interface StateRecord {
  version: number;
  nodeIdVersion: number;
  id: string;
  image: string;
  /** Of the image file: `dev:ino`. */
  imageIdentity: string;
  config: ServerConfig;
  timeZone: string;
  sandbox: boolean;
  mountpoint: string;
  /** The superblock's, `0:52`. */
  device: string;
  /** As the kernel shows it: the image, or what `fsname` said. */
  source?: string;
  uid: number;
  description: ImageDescription;
  overrides: AttributeOverrides;
  maxReadBytes: number;
  poisoned: PoisonedRequest[];
  /** The server that serves now: where it listens, and its process. */
  socketPath: string;
  pid: number;
  /** Its start time as /proc/PID/stat has it, since pids are used again. */
  startTime: string;
  since: number;
  restarts: number;
  /** What the image asked for while it opened, in order. */
  needs: GivenNeed[];
  /** The folder that was made for the mount, by the path of its parent. */
  made?: { parent: string; name: string };
  idleTimeout?: number;
  /** What `df` shows; without it the server never sleeps. */
  statistics?: VolumeStatistics;
  sleepTimeout?: number;
  /** There is no server, and none is wanted until something is asked. */
  asleep?: boolean;
}

export type NewRecord = Omit<StateRecord, "version" | "nodeIdVersion">;

export function recordText(record: NewRecord): string {
  return JSON.stringify({
    version: RECORD_VERSION,
    nodeIdVersion: NODE_ID_VERSION,
    ...record,
  });
}

/** Throws where it is of another version, of another mount, or no record at all. */
export function parseRecord(text: string, id: string): StateRecord {
  const record = JSON.parse(text) as StateRecord;
  const fields = new Fields(record, "record");
  if (record.version !== RECORD_VERSION) {
    throw new Error(`is of version ${record.version}, this isomountd knows ${RECORD_VERSION}`);
  }
  if (fields.text("id") !== id) throw new Error(`is of another mount, ${record.id}`);
  checkRecord(fields);
  return record;
}

/** One that a bad disk has spoilt must not keep the daemon from the others. */
function checkRecord(record: Fields): void {
  for (const name of ["image", "mountpoint", "socketPath"]) record.text(name, MAX_TEXT);
  for (const name of ["imageIdentity", "timeZone", "device"]) record.text(name);
  for (const name of ["nodeIdVersion", "uid", "maxReadBytes", "restarts"]) record.count(name);
  record.number("since");
  record.flag("sandbox");
  const config = record.object("config");
  config.words("name");
  for (const name of ["uid", "gid"]) config.object("owner").count(name);
  record.object("overrides");
  record.objects("poisoned");
  const description = record.object("description");
  description.objects("containers");
  description.texts("warnings");
  description.object("volume").words("format");
  for (const met of record.objects("needs")) {
    met.object("need").words("kind");
    met.flag("hasDescriptor");
  }
}

export class StateFolder {
  constructor(private readonly folder: string) {}

  /** Atomic: a crash leaves the old record or the new one. Throws where the disk is full. */
  save(record: NewRecord): void {
    const path = this.path(record.id);
    try {
      writeFileSync(`${path}.new`, recordText(record), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      rmSync(`${path}.new`, { force: true });
      throw error;
    }
  }

  remove(id: string): void {
    try {
      unlinkSync(this.path(id));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  /** Every record that can be used; `unusable` is told of the others and why. */
  load(unusable: (id: string, reason: string) => void): StateRecord[] {
    const records: StateRecord[] = [];
    for (const name of readdirSync(this.folder)) {
      const id = /^(m\d+)\.json$/.exec(name)?.[1];
      if (id === undefined) continue;
      try {
        records.push(parseRecord(readFileSync(this.path(id), "utf8"), id));
      } catch (error) {
        unusable(id, (error as Error).message);
      }
    }
    return records;
  }

  private path(id: string): string {
    return join(this.folder, `${id}.json`);
  }
}
