/** Requests come from another process: each field is looked at before it is believed. */
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
    const value = this.optionalText(field, maxLength);
    if (value === undefined) throw invalid(`${this.name}.${field} is missing`);
    return value;
  }

  optionalText(field: string, maxLength = 4096): string | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (typeof value !== "string" || value.includes("\0")) throw this.wrong(field, "text");
    if (value.length > maxLength) throw invalid(`${this.name}.${field} is too long`);
    return value;
  }

  optionalCount(field: string): number | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      throw this.wrong(field, "a whole number");
    }
    return value;
  }

  count(field: string): number {
    const value = this.optionalCount(field);
    if (value === undefined) throw invalid(`${this.name}.${field} is missing`);
    return value;
  }

  optionalFlag(field: string): boolean | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (typeof value !== "boolean") throw this.wrong(field, "true or false");
    return value;
  }

  optionalTexts(field: string): string[] | undefined {
    const value = this.fields[field];
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.some((each) => typeof each !== "string")) {
      throw this.wrong(field, "a list of texts");
    }
    return value as string[];
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

  private wrong(field: string, wanted: string): RequestFailure {
    return invalid(`${this.name}.${field} is not ${wanted}`);
  }
}
