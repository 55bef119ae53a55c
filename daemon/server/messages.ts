/**
 * What supervisor and server say to each other: one JSON object a packet over a unix seqpacket
 * socket, descriptors as SCM_RIGHTS with the packet that needs them.
 */

import type { Counters } from "../../fs-adapter/counters.js";
import type { PoisonedRequest } from "../../fs-adapter/dev-fuse/dispatcher.js";
import type { ImageDescription } from "../../image-core/description.js";
import type { AttributeOverrides } from "../../image-core/filesystem/overrides.js";
import type { VolumeStatistics } from "../../image-core/filesystem/volume.js";
import type { ImageOptions, Need, VerifyProgress } from "../rpc/protocol.js";

/** A packet is never longer: the descriptions of images with thousands of partitions are cut. */
export const MAX_PACKET_BYTES = 192 * 1024;

/** The descriptor that every server inherits: where it listens for supervisors. */
export const LISTENER_FD = 3;

/** What the image is and how it is to be read. */
export interface ServerConfig {
  /** File name of the image without folders. */
  name: string;
  /** Bytes, for block devices. */
  size?: number;
  options: ImageOptions;
  owner: { uid: number; gid: number };
}

export interface ServeOrder {
  overrides: AttributeOverrides;
  maxReadBytes: number;
  poisoned: PoisonedRequest[];
  /** An earlier server was serving this connection. */
  resume: boolean;
  /** Servers have died lately: nothing is done that no slot tells of. */
  cautious: boolean;
}

export type ToServer =
  /** The first word. Descriptor: the image. */
  | { type: "open"; config: ServerConfig }
  /**
   * The answer to a need: a descriptor rides along, unless `error` says why not. It is the
   * neighbour, or a memfd with the passphrase or with names as JSON.
   */
  | { type: "supply"; error?: string }
  /** Descriptors: /dev/fuse (mounted), the memfd of the slots. */
  | ({ type: "serve" } & ServeOrder)
  /** Mount by fuse-native and serve: only outside the sandbox. */
  | {
      type: "serve-native";
      mountpoint: string;
      private: boolean;
      fsname: string;
      overrides: AttributeOverrides;
    }
  /** Asks for all descriptors: by a supervisor that has none of them yet. */
  | { type: "give" }
  /** Check the image's own checksums, instead of serving. */
  | { type: "verify" }
  | { type: "ping" };

interface Failure {
  kind: string;
  message: string;
}

export interface GivenNeed {
  need: Need;
  error?: string;
  hasDescriptor: boolean;
}

export type FromServer =
  | { type: "need"; need: Need }
  | { type: "opened"; description: ImageDescription; statistics: VolumeStatistics }
  | { type: "failed"; failure: Failure }
  | ({ type: "verified" } & VerifyProgress)
  | { type: "serving" }
  | { type: "unmounted" }
  /** A request failed for another reason than the image: a defect of ours. */
  | { type: "defect"; message: string }
  /**
   * Part of the answer to `give`: needs that were met, in order, with the descriptors of those that
   * have one; the very first packet begins with /dev/fuse, slots and image.
   */
  | { type: "given"; met: GivenNeed[]; last: boolean }
  | { type: "pong"; counters: Counters; busyMilliseconds: number };
