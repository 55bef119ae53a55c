/** The sections of a CloneCD control file: those of an INI file, numbers decimal or `0x`. */
import { type Sheet, sheetError } from "../disc/sheet.js";

const ID = "clonecd";
/** 99 tracks, four sessions' worth of other entries, CD-Text: far below. */
const MAX_SECTIONS = 1000;

export interface Section {
  /** As written, in lower case: `entry 4`. */
  name: string;
  line: number;
  /** Keys in lower case with single spaces: `index 1`. */
  values: Map<string, string>;
}

export function parseSections(sheet: Sheet): Section[] {
  const sections: Section[] = [];
  sheet.text.split("\n").forEach((text, index) => {
    const line = text.trim();
    if (line === "" || line.startsWith(";")) return;
    const name = /^\[([^\]]*)\]$/.exec(line)?.[1];
    if (name !== undefined) {
      if (sections.length === MAX_SECTIONS) {
        throw sheetError(ID, index + 1, `more than ${MAX_SECTIONS} sections`);
      }
      sections.push({ name: key(name), line: index + 1, values: new Map() });
      return;
    }
    const equals = line.indexOf("=");
    if (equals < 0) throw sheetError(ID, index + 1, `${JSON.stringify(line)} is no key=value`);
    sections.at(-1)?.values.set(key(line.slice(0, equals)), line.slice(equals + 1).trim());
  });
  return sections;
}

/** Undefined where the section has no such key; throws `corrupt` where it is no number. */
export function numberOf(section: Section, name: string): number | undefined {
  const text = section.values.get(name);
  if (text === undefined || text === "") return undefined;
  if (!/^(-?\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text)) {
    throw sheetError(
      ID,
      section.line,
      `[${section.name}] ${name}=${JSON.stringify(text)} is no number`,
    );
  }
  return Number(text);
}

/** As `numberOf`; throws where it is missing. */
export function requiredNumber(section: Section, name: string): number {
  const value = numberOf(section, name);
  if (value === undefined) throw sheetError(ID, section.line, `[${section.name}] has no ${name}`);
  return value;
}

function key(text: string): string {
  return text.trim().toLowerCase().replace(/\s+/g, " ");
}
