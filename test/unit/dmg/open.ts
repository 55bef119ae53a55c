/** Opening containers within containers, as the opener does, for tests. */

import type { Medium, OpenContext } from "../../../image-core/format.js";
import { candidates, probeWindow } from "../../../image-core/probe.js";
import { containerFormats } from "../../../image-core/registry.js";
import type { ByteSource } from "../../../image-core/source/byte-source.js";
import { testContext } from "../../support/context.js";

/** Formats of these tests; others are somebody else's. */
const IDS = new Set([
  "udif",
  "encrypted-dmg",
  "sparseimage",
  "sparsebundle",
  "asif",
  "ndif",
  "diskcopy42",
  "twoimg",
]);
const formats = containerFormats.filter(({ id }) => IDS.has(id));

interface Layer {
  id: string;
  title: string;
  medium: Medium;
}

/** The outermost container; undefined where there is none. */
async function openLayer(source: ByteSource, context: OpenContext): Promise<Layer | undefined> {
  const [best] = candidates(formats, probeWindow(source, context.name));
  if (best?.format.load === undefined) return undefined;
  const medium = (await best.format.load()).open(source, context);
  return { id: best.format.id, title: best.title, medium };
}

/** Every container from the outside in; empty where there is none. */
export async function openLayers(
  source: ByteSource,
  overrides: Partial<OpenContext> = {},
): Promise<Layer[]> {
  const layers: Layer[] = [];
  for (let inner = source; layers.length < 5; ) {
    const layer = await openLayer(inner, testContext(overrides));
    if (layer === undefined) break;
    layers.push(layer);
    inner = layer.medium.source;
  }
  return layers;
}

/** The outermost medium only: nothing of its contents is read. */
export async function openOuter(
  source: ByteSource,
  overrides: Partial<OpenContext> = {},
): Promise<Medium> {
  const layer = await openLayer(source, testContext(overrides));
  if (layer === undefined) throw new Error("no container was recognised");
  return layer.medium;
}

/** The innermost medium. Throws where no container was found. */
export async function openMedium(
  source: ByteSource,
  overrides: Partial<OpenContext> = {},
): Promise<Medium> {
  const layer = (await openLayers(source, overrides)).at(-1);
  if (layer === undefined) throw new Error("no container was recognised");
  return layer.medium;
}

/** All of a source, read in pieces of odd sizes. */
export function contents(source: ByteSource, piece = 100_003): Buffer {
  const bytes = Buffer.alloc(source.size);
  for (let at = 0; at < bytes.length; ) {
    const got = source.read(at, bytes, at, Math.min(piece, bytes.length - at));
    if (got === 0) throw new Error(`nothing at ${at} of ${bytes.length}`);
    at += got;
  }
  return bytes;
}

export const findings = (medium: Medium): string[] =>
  [...(medium.verify?.(() => {}) ?? [])].map(({ message }) => message);

/** A passphrase for a context. */
export const passphrase = (text: string) => ({
  passphrase: () => new Uint8Array(Buffer.from(text)),
});
