/** What comes from another process, a client or a server: each field is looked at before it is believed. */
import { RpcErrorCode } from "../rpc/protocol.js";
import { RequestFailure } from "./failure.js";

function invalid(message: string): RequestFailure {
  return new RequestFailure(RpcErrorCode.invalidParams, message);
}

export class Fields {
  private readonly fields: Record<string, unknown>;

  constructor(
    value: unknown,
    private readonly name = "params",
  ) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw invalid(`${name} is no object`);
    }
    this.fields = value as Record<string, unknown>;
  }

  text(field: string, maxLength = 4096): string {
    return this.needed(field, this.optionalText(field, maxLength));
  }

  optionalText(field: string, maxLength = 4096): string | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (typeof value !== "string" || value.includes("\0")) throw this.wrong(field, "text");
    if (value.length > maxLength) throw invalid(`${this.name}.${field} is too long`);
    return value;
  }

  /** Of any characters, for people: a label, a message. */
  optionalWords(field: string, maxLength = 4096): string | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (typeof value !== "string") throw this.wrong(field, "text");
    if (value.length > maxLength) throw invalid(`${this.name}.${field} is too long`);
    return value;
  }

  words(field: string, maxLength = 4096): string {
    return this.needed(field, this.optionalWords(field, maxLength));
  }

  optionalCount(field: string, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      throw this.wrong(field, "a whole number");
    }
    if (value > most) throw invalid(`${this.name}.${field} is more than ${most}`);
    return value;
  }

  count(field: string, most?: number): number {
    return this.needed(field, this.optionalCount(field, most));
  }

  optionalFlag(field: string): boolean | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (typeof value !== "boolean") throw this.wrong(field, "true or false");
    return value;
  }

  flag(field: string): boolean {
    return this.needed(field, this.optionalFlag(field));
  }

  /** Any number that JSON can hold; NaN and Infinity become null in it. */
  optionalNumber(field: string): number | undefined {
    const value = this.fields[field];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "number") throw this.wrong(field, "a number");
    return value;
  }

  number(field: string): number {
    return this.needed(field, this.optionalNumber(field));
  }

  optionalTexts(field: string): string[] | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.some((each) => typeof each !== "string")) {
      throw this.wrong(field, "a list of texts");
    }
    return value as string[];
  }

  texts(field: string): string[] {
    return this.needed(field, this.optionalTexts(field));
  }

  /** Texts, numbers and flags by name. */
  scalars(field: string): void {
    for (const value of Object.values(this.object(field).fields)) {
      if (value !== null && !["string", "number", "boolean"].includes(typeof value)) {
        throw this.wrong(field, "made of texts, numbers and flags");
      }
    }
  }

  optionalObjects(field: string): Fields[] | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.wrong(field, "a list");
    return value.map((each, index) => new Fields(each, `${this.name}.${field}[${index}]`));
  }

  objects(field: string): Fields[] {
    return this.needed(field, this.optionalObjects(field));
  }

  optionalChoice<T extends string>(field: string, choices: readonly T[]): T | undefined {
    const value = this.optionalText(field);
    if (value === undefined) return undefined;
    if (!choices.includes(value as T)) throw this.wrong(field, `one of ${choices.join(", ")}`);
    return value as T;
  }

  object(field: string): Fields {
    return new Fields(this.fields[field] ?? {}, `${this.name}.${field}`);
  }

  has(field: string): boolean {
    return this.fields[field] !== undefined;
  }

  private needed<T>(field: string, value: T | undefined): T {
    if (value === undefined) throw invalid(`${this.name}.${field} is missing`);
    return value;
  }

  private wrong(field: string, wanted: string): RequestFailure {
    return invalid(`${this.name}.${field} is not ${wanted}`);
  }
}
