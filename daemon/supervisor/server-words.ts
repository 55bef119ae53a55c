/**
 * What a server says, before it is believed: an image may have taken it over. Whatever no server of
 * ours would say is an error, upon which the server is ended and another takes its place.
 */
import { COUNTED } from "../../fs-adapter/counters.js";
import type { FromServer } from "../server/messages.js";
import { nesting } from "./nesting.js";
import { Fields } from "./validate.js";

/** Partitions within partitions; everything else is flat. */
const MAX_NESTING = 32;
const MAX_TEXT = 64 * 1024;
/**
 * In a second, of what comes unasked. Ten words of progress are the most that a server has to say
 * for long; it may have been unheard for a while.
 */
const MAX_UNASKED = 200;

export class ServerWords {
  private second = 0;
  private unasked = 0;

  /** Throws where it is nothing that a server has to say. */
  readonly read = (text: string): FromServer => {
    if (nesting(text) > MAX_NESTING) throw new Error("nested too deeply");
    const value: unknown = JSON.parse(text);
    const fields = new Fields(value, "message");
    const type = fields.words("type");
    const check = Object.hasOwn(checks, type) ? checks[type as FromServer["type"]] : undefined;
    if (check === undefined) throw new Error("message.type is unknown");
    check(fields);
    // Needs and what is given have been asked for, or come one at a time.
    if (type !== "need" && type !== "given") this.count();
    return value as FromServer;
  };

  private count(): void {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.second) this.unasked = 0;
    this.second = second;
    if (++this.unasked > MAX_UNASKED) throw new Error("too many messages at once");
  }
}

type Check = (fields: Fields) => void;

const checks: Record<FromServer["type"], Check> = {
  need: (fields) => checkNeed(fields.object("need")),
  opened: (fields) => {
    checkDescription(fields.object("description"));
    const statistics = fields.object("statistics");
    for (const name of ["blockSize", "blocks", "freeBlocks", "files", "maxNameBytes"]) {
      statistics.count(name);
    }
  },
  failed: (fields) => {
    const failure = fields.object("failure");
    failure.words("kind", 64);
    failure.words("message", MAX_TEXT);
  },
  verified: (fields) => {
    fields.texts("formats");
    fields.number("share");
    fields.texts("findings");
    fields.flag("finished");
  },
  serving: () => {},
  unmounted: () => {},
  defect: (fields) => fields.words("message", MAX_TEXT),
  given: (fields) => {
    for (const met of fields.objects("met")) {
      checkNeed(met.object("need"));
      met.optionalWords("error", MAX_TEXT);
      met.flag("hasDescriptor");
    }
    fields.flag("last");
  },
  pong: (fields) => {
    const counters = fields.object("counters");
    // A server of an earlier version may count less.
    for (const name of COUNTED) counters.optionalNumber(name);
    fields.number("busyMilliseconds");
  },
};

function checkNeed(need: Fields): void {
  const kind = need.words("kind");
  if (kind === "neighbour") need.words("path", MAX_TEXT);
  else if (kind === "names") need.words("folder", MAX_TEXT);
  else if (kind !== "passphrase") throw new Error("message.need.kind is unknown");
}

/** `ImageDescription`. */
function checkDescription(image: Fields): void {
  image.words("name");
  image.number("size");
  image.number("sectorSize");
  for (const container of image.objects("containers")) {
    container.words("format");
    container.words("title");
    container.scalars("details");
  }
  for (const track of image.optionalObjects("tracks") ?? []) {
    for (const name of ["number", "session", "startLba", "sectors"]) track.number(name);
    track.words("kind");
    track.optionalWords("title");
  }
  checkPartitions(image.optionalObjects("partitions") ?? []);
  checkVolume(image.object("volume"));
  for (const each of image.optionalObjects("volumes") ?? []) {
    each.words("folder");
    checkVolume(each.object("volume"));
  }
  image.texts("boot");
  image.texts("warnings");
}

function checkPartitions(partitions: readonly Fields[]): void {
  for (const partition of partitions) {
    for (const name of ["number", "start", "size"]) partition.number(name);
    for (const name of ["scheme", "type"]) partition.words(name);
    for (const name of ["typeTitle", "label", "uuid"]) partition.optionalWords(name);
    partition.flag("bootable");
    if (partition.has("filesystem")) {
      const filesystem = partition.object("filesystem");
      filesystem.words("format");
      filesystem.words("title");
      filesystem.flag("readable");
    }
    checkPartitions(partition.optionalObjects("partitions") ?? []);
  }
}

function checkVolume(volume: Fields): void {
  for (const name of ["format", "title", "label"]) volume.words(name);
  volume.optionalWords("uuid");
  volume.optionalNumber("created");
  volume.number("blockSize");
  if (volume.has("view")) {
    const view = volume.object("view");
    view.words("shown");
    view.texts("available");
    view.words("reason", MAX_TEXT);
  }
  volume.texts("features");
  volume.optionalTexts("boot");
  volume.texts("warnings");
}
