/** What `info`, `list` and messages tell about an opened image: plain data, safe to send and print. */
import type { VolumeDescription } from "./filesystem/volume.js";

export interface ContainerDescription {
  format: string;
  title: string;
  details: Record<string, string | number | boolean>;
}

export interface PartitionDescription {
  number: number;
  scheme: string;
  type: string;
  typeTitle?: string;
  label?: string;
  uuid?: string;
  bootable: boolean;
  start: number;
  size: number;
  /** What lies in it, as far as probes recognise it; `readable` says whether isomount opens it. */
  filesystem?: { format: string; title: string; readable: boolean };
  /** A partition table inside the partition. */
  partitions?: PartitionDescription[];
}

export interface TrackDescription {
  number: number;
  session: number;
  kind: "audio" | "mode1" | "mode2";
  startLba: number;
  sectors: number;
  title?: string;
}

export interface ImageDescription {
  /** File name without folders. */
  name: string;
  /** Of the image file, in bytes. */
  size: number;
  /** From the outside in: `encrypted` around `udif`; just `raw` for a plain image. */
  containers: ContainerDescription[];
  sectorSize: number;
  tracks?: TrackDescription[];
  partitions?: PartitionDescription[];
  /** What is mounted; for several volumes at once the composite, with `volumes` below it. */
  volume: VolumeDescription;
  /** One for each folder, where several volumes are shown as folders. */
  volumes?: { folder: string; volume: VolumeDescription }[];
  /** Ways in which the image boots; empty where it does not. */
  boot: string[];
  warnings: string[];
}
