/** The one place where failures of the image side become errno values. */
import { constants } from "node:os";
import { ImageError, type ImageErrorKind } from "../image-core/errors.js";

const { errno } = constants;

const errnoOfKind: Record<ImageErrorKind, number> = {
  corrupt: errno.EIO,
  truncated: errno.EIO,
  checksum: errno.EIO,
  "host-io": errno.EIO,
  unsupported: errno.EOPNOTSUPP,
  "unknown-format": errno.EIO,
  encrypted: errno.EACCES,
  "wrong-passphrase": errno.EACCES,
  limit: errno.EFBIG,
  option: errno.EINVAL,
  "missing-neighbour": errno.EIO,
};

/** A positive errno. What is not an ImageError is a defect of ours: EIO for the reader. */
export function errnoOf(error: unknown): number {
  return error instanceof ImageError ? errnoOfKind[error.kind] : errno.EIO;
}
