/** How a logical volume's partition references resolve (ECMA-167 3/10.7, UDF 2.2.8 to 2.2.10). */
import { corrupt, ImageError } from "../../errors.js";
import { u16, u32 } from "./descriptor-tag.js";
import { entityIdentifier, type LogicalVolumeDescriptor } from "./volume-descriptors.js";

export type PartitionMap = { partitionNumber: number } & (
  | { kind: "physical" }
  | { kind: "virtual" }
  | {
      kind: "sparable";
      /** In blocks. */
      packetLength: number;
      /** In bytes. */
      sizeOfEachSparingTable: number;
      /** Absolute sector numbers. */
      locationsOfSparingTables: number[];
    }
  | {
      kind: "metadata";
      /** Block numbers within the partition of the same number. */
      metadataFileLocation: number;
      metadataMirrorFileLocation: number;
    }
);

/** The fixed part of a type 2 map (UDF 2.2.8). */
const TYPE_2_LENGTH = 64;
/** UDF itself has at most four; the table of a block could hold some hundred. */
const MAX_MAPS = 64;

export function decodePartitionMaps(volume: LogicalVolumeDescriptor): PartitionMap[] {
  const { partitionMaps: bytes, numberOfPartitionMaps: count } = volume;
  if (count > MAX_MAPS) {
    throw new ImageError("limit", "udf", `${count} partition maps, at most ${MAX_MAPS} are read`);
  }
  const maps: PartitionMap[] = [];
  let at = 0;
  while (maps.length < count) {
    const length = at + 2 <= bytes.length ? bytes[at + 1] : 0;
    if (length < 6 || at + length > bytes.length) {
      throw corrupt(
        "udf",
        "partition map table",
        at,
        `map ${maps.length} of ${count} has ${length} bytes, the table ${bytes.length}`,
      );
    }
    maps.push(decodeMap(bytes.subarray(at, at + length), maps.length));
    at += length;
  }
  return maps;
}

function decodeMap(bytes: Uint8Array, index: number): PartitionMap {
  if (bytes[0] === 1) return { kind: "physical", partitionNumber: u16(bytes, 4) };
  if (bytes[0] !== 2 || bytes.length < TYPE_2_LENGTH) {
    throw corrupt("udf", `partition map ${index}`, 0, `type ${bytes[0]}, ${bytes.length} bytes`);
  }
  const partitionNumber = u16(bytes, 38);
  const identifier = entityIdentifier(bytes, 4);
  switch (identifier) {
    case "*UDF Virtual Partition":
      return { kind: "virtual", partitionNumber };
    case "*UDF Sparable Partition": {
      const tables = Math.min(bytes[42], 4);
      return {
        kind: "sparable",
        partitionNumber,
        packetLength: u16(bytes, 40),
        sizeOfEachSparingTable: u32(bytes, 44),
        locationsOfSparingTables: Array.from({ length: tables }, (_, i) => u32(bytes, 48 + i * 4)),
      };
    }
    case "*UDF Metadata Partition":
      return {
        kind: "metadata",
        partitionNumber,
        metadataFileLocation: u32(bytes, 40),
        metadataMirrorFileLocation: u32(bytes, 44),
      };
    default:
      throw new ImageError(
        "unsupported",
        "udf",
        `partition map ${index} is of the unknown type ${JSON.stringify(identifier)}`,
      );
  }
}
