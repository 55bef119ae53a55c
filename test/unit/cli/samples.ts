/** What a daemon tells, for tests that show or search it. */
import type { MountInfo } from "../../../daemon/rpc/protocol.js";
import type { ImageDescription } from "../../../image-core/description.js";
import type { VolumeDescription } from "../../../image-core/filesystem/volume.js";

export function mountInfo(overrides: Partial<MountInfo> = {}): MountInfo {
  return {
    id: "m1",
    image: "/images/disk.iso",
    mountpoint: "/mnt/iso",
    container: "raw",
    filesystem: "iso9660",
    label: "DISK",
    view: "rockridge",
    transport: "dev-fuse",
    sandboxed: true,
    state: "serving",
    pid: 4711,
    uid: 1000,
    since: 1_700_000_000,
    restarts: 0,
    statistics: {
      requests: 0,
      reads: 0,
      readBytes: 0,
      splicedBytes: 0,
      filesAhead: 0,
      errors: 0,
      milliseconds: 0,
      cacheHits: 0,
      cacheMisses: 0,
    },
    warnings: [],
    ...overrides,
  };
}

export function volumeDescription(overrides: Partial<VolumeDescription> = {}): VolumeDescription {
  return {
    format: "iso9660",
    title: "ISO 9660 with Rock Ridge",
    label: "DISK",
    blockSize: 2048,
    features: [],
    warnings: [],
    ...overrides,
  };
}

export function imageDescription(overrides: Partial<ImageDescription> = {}): ImageDescription {
  return {
    name: "disk.iso",
    size: 1536,
    containers: [{ format: "raw", title: "Raw image", details: {} }],
    sectorSize: 512,
    volume: volumeDescription(),
    boot: [],
    warnings: [],
    ...overrides,
  };
}
