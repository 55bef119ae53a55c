/** Recognises HFS volumes, "Mac OS Standard" (Inside Macintosh: Files, "Master Directory Blocks"). */
import { Confidence, type FilesystemFormat, type Match, type ProbeWindow } from "../../format.js";
import { ALTERNATE_MDB_DISTANCE, looksLikeMdb, MDB_BYTES, MDB_OFFSET } from "./mdb.js";

export const hfs: FilesystemFormat = {
  id: "hfs",
  title: "HFS",
  probe({ head, tail, size }: ProbeWindow): Match | undefined {
    if (looksLikeMdb(head, MDB_OFFSET)) return { confidence: Confidence.certain, title: "HFS" };
    const alternate = tail.length - ALTERNATE_MDB_DISTANCE;
    if (size < MDB_OFFSET + MDB_BYTES || !looksLikeMdb(tail, alternate)) return undefined;
    const title = "HFS (by its alternate Master Directory Block)";
    // What was formatted over a volume leaves its alternate MDB: anything else wins.
    return { confidence: Confidence.guess, title };
  },
  load: () => import("./open.js"),
};
