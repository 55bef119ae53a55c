/** Extended attributes: a space of records beside each file (ECMA-167 4/14.10, UDF 3.3.4). */
import { TagIdentifier, tagIdentifier, u32 } from "./descriptor-tag.js";
import { entityIdentifier } from "./volume-descriptors.js";

const AttributeType = {
  characterSet: 1,
  alternatePermissions: 3,
  fileTimes: 5,
  informationTimes: 6,
  deviceSpecification: 12,
  implementationUse: 2048,
  applicationUse: 65536,
} as const;

const HEADER_LENGTH = 24;
const RECORD_LENGTH = 12;
const MAX_RECORDS = 4096;

export interface ExtendedAttribute {
  type: number;
  /** `*UDF DVD CGMS Info`, or what the type is called. */
  name: string;
  value: Uint8Array;
}

export interface DeviceSpecification {
  major: number;
  minor: number;
}

const NAMES: Readonly<Record<number, string>> = {
  [AttributeType.characterSet]: "CharacterSetInformation",
  [AttributeType.alternatePermissions]: "AlternatePermissions",
  [AttributeType.fileTimes]: "FileTimes",
  [AttributeType.informationTimes]: "InformationTimes",
};

/** Padding that UDF records as attributes (UDF 3.3.4.5.1, 3.3.4.6.1). */
const PADDING = new Set(["*UDF FreeEASpace", "*UDF FreeAppEASpace"]);

/** The records that tell something. A record that does not fit ends the list. */
export function extendedAttributes(space: Uint8Array): ExtendedAttribute[] {
  const found: ExtendedAttribute[] = [];
  records(space, (type, start, end) => {
    if (type === AttributeType.deviceSpecification) return;
    if (type === AttributeType.implementationUse || type === AttributeType.applicationUse) {
      if (end - start < 36) return;
      const name = entityIdentifier(space, start + 4);
      const length = Math.min(u32(space, start), end - start - 36);
      if (PADDING.has(name) || name === "") return;
      found.push({ type, name, value: space.slice(start + 36, start + 36 + length) });
      return;
    }
    const name = NAMES[type] ?? `Attribute${type}`;
    found.push({ type, name, value: space.slice(start, end) });
  });
  return found;
}

/** Of a device node: its numbers (ECMA-167 4/14.10.7). */
export function deviceSpecification(space: Uint8Array): DeviceSpecification | undefined {
  let device: DeviceSpecification | undefined;
  records(space, (type, start, end) => {
    if (type !== AttributeType.deviceSpecification || end - start < 12) return;
    device ??= { major: u32(space, start + 4), minor: u32(space, start + 8) };
  });
  return device;
}

/** `visit` gets each record's type and where what follows the 12 common bytes lies. */
function records(
  space: Uint8Array,
  visit: (type: number, start: number, end: number) => void,
): void {
  if (space.length < HEADER_LENGTH) return;
  if (tagIdentifier(space, 0) !== TagIdentifier.ExtendedAttributeHeaderDescriptor) return;
  let at = HEADER_LENGTH;
  for (let count = 0; count < MAX_RECORDS && at + RECORD_LENGTH <= space.length; count++) {
    const length = u32(space, at + 8);
    if (length < RECORD_LENGTH || at + length > space.length) return;
    visit(u32(space, at), at + RECORD_LENGTH, at + length);
    at += length;
  }
}
