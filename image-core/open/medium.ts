/** Peels containers off an image file until a disk or a disc is left. */
import type { ContainerDescription } from "../description.js";
import { ImageError } from "../errors.js";
import type { Medium, OpenContext } from "../format.js";
import { candidates, probeWindow } from "../probe.js";
import { containerFormats } from "../registry.js";
import type { ByteSource } from "../source/byte-source.js";
import { SliceSource } from "../source/slice-source.js";

/** Containers in containers: an encrypted sparse image of a compressed one has three. */
const MAX_DEPTH = 6;

export interface OpenedMedium {
  medium: Medium;
  /** From the outside in. */
  containers: ContainerDescription[];
  /** Everything on the way that carries checksums of its own, from the outside in. */
  layers: Medium[];
}

/** Throws ImageError as the containers do; a file that is no container is a raw disk. */
export async function openMedium(file: ByteSource, context: OpenContext): Promise<OpenedMedium> {
  const { offset = 0, sizelimit = Number.POSITIVE_INFINITY } = context.options;
  if (offset >= file.size && offset > 0) {
    throw new ImageError(
      "option",
      "image",
      `offset=${offset} lies behind the end of the image (${file.size} bytes)`,
    );
  }
  const source =
    offset > 0 || sizelimit < file.size ? new SliceSource(file, offset, sizelimit) : file;
  let medium: Medium = { source, sectorSize: 512, details: {}, warnings: [] };
  const containers: ContainerDescription[] = [];
  const layers: Medium[] = [];
  for (let depth = 0; ; depth++) {
    // Only the file itself has a name that could hint at a format.
    const window = probeWindow(medium.source, depth === 0 ? context.name : "");
    const [best] = candidates(containerFormats, window);
    if (best === undefined) break;
    if (best.format.load === undefined) {
      throw new ImageError("unsupported", best.format.id, `${best.title} is not read yet`);
    }
    if (depth === MAX_DEPTH) {
      throw new ImageError(
        "limit",
        best.format.id,
        `more than ${MAX_DEPTH} containers in each other`,
      );
    }
    const { open } = await best.format.load();
    medium = open(medium.source, context);
    layers.push(medium);
    containers.push({ format: best.format.id, title: best.title, details: medium.details });
    // A disc's sectors are data already: nothing is wrapped around a filesystem there.
    if (medium.disc !== undefined) break;
  }
  if (containers.length === 0) {
    containers.push({ format: "raw", title: "Raw image", details: {} });
  }
  return { medium, containers, layers };
}
