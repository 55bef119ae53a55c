/** Alcohol 120%: a media descriptor (`.mds`), sectors in the `.mdf` beside it. */
import { Confidence, type ContainerFormat, type Match, type ProbeWindow } from "../../format.js";
import { HEADER_BYTES, SIGNATURE } from "./structs.js";

export const alcohol: ContainerFormat = {
  id: "alcohol",
  title: "Alcohol 120% media descriptor",
  probe: ({ head }) => probeVersion(head, 1, "Alcohol 120% media descriptor"),
  load: () => import("./alcohol.js"),
};

/** The descriptor of version 2 is encrypted; MDX has the image in the same file. */
export const mdx: ContainerFormat = {
  id: "mdx",
  title: "DAEMON Tools media descriptor (MDX, MDS version 2)",
  probe: ({ head }) => probeVersion(head, 2, "DAEMON Tools media descriptor"),
};

function probeVersion(
  head: ProbeWindow["head"],
  version: number,
  title: string,
): Match | undefined {
  if (head.length < HEADER_BYTES || head[16] !== version) return undefined;
  for (let i = 0; i < SIGNATURE.length; i++) {
    if (head[i] !== SIGNATURE.charCodeAt(i)) return undefined;
  }
  return { confidence: Confidence.certain, title: `${title} ${version}.${head[17]}` };
}
