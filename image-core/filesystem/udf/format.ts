/** Recognises UDF: ECMA-167's volume recognition sequence, and the anchors. */
import { ImageError } from "../../errors.js";
import { Confidence, type FilesystemFormat, type Match, type ProbeWindow } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { type Anchor, findAnchors, recognised } from "./anchor.js";

export const udf: FilesystemFormat = {
  id: "udf",
  title: "Universal Disk Format (UDF)",
  probe,
  load: () => import("./udf.js"),
};

/**
 * The anchors lie outside the window, but a volume without the recognition sequence has nothing
 * else, so a few sectors are looked at in every case.
 */
function probe({ head, source }: ProbeWindow): Match | undefined {
  const identifier = recognised(head);
  const anchor = anchorIn(source);
  if (identifier === undefined && anchor === undefined) return undefined;
  const version = identifier === undefined ? "" : ` (${identifier})`;
  const title = `UDF${version}`;
  if (anchor === undefined) return { confidence: Confidence.guess, title };
  const confidence = identifier === undefined ? Confidence.likely : Confidence.certain;
  return { confidence, title };
}

function anchorIn(source: ByteSource): Anchor | undefined {
  try {
    return findAnchors(source, [])[0];
  } catch (error) {
    // A container that cannot decode these sectors; opening tells.
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}
