/** What isomount recognises and does not read, for the registry. */
import type { ContainerFormat, FilesystemFormat } from "../../format.js";
import { diskImages } from "./disk-images.js";
import { files } from "./files.js";
import { linuxFilesystems } from "./linux-filesystems.js";
import { otherFilesystems } from "./other-filesystems.js";
import { recognised } from "./signature.js";

export const recognisedContainers: readonly ContainerFormat[] = [...diskImages, ...files].map(
  (signature) => recognised(signature),
);

export const recognisedFilesystems: readonly FilesystemFormat[] = [
  ...linuxFilesystems,
  ...otherFilesystems,
].map((signature) => recognised(signature));
