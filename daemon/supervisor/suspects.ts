/**
 * Which requests kill servers: by what lay in the slots when one died. The same request in hand at
 * several deaths in a row is the cause.
 */
import { readSync } from "node:fs";
import { IN_HEADER_SIZE, InHeader, REQUEST_SIZE } from "../../fs-adapter/dev-fuse/abi.js";
import { Dispatcher, type PoisonedRequest } from "../../fs-adapter/dev-fuse/dispatcher.js";
import { isWaiting, MAX_SLOTS } from "../../fs-adapter/dev-fuse/slot.js";

export const POISON_AFTER = 3;

export class Suspects {
  /** How many servers in a row had a request in hand when they died. */
  private readonly deaths = new Map<string, number>();

  /** To be called at each death; returns the requests that killed once too often. */
  learn(slots: number): PoisonedRequest[] {
    const held = heldRequests(slots);
    for (const key of this.deaths.keys()) if (!held.has(key)) this.deaths.delete(key);
    const guilty: PoisonedRequest[] = [];
    for (const [key, request] of held) {
      const deaths = (this.deaths.get(key) ?? 0) + 1;
      this.deaths.set(key, deaths);
      // Later deaths with it in hand have another cause: it is answered without being tried.
      if (deaths === POISON_AFTER) guilty.push(request);
    }
    return guilty;
  }
}

/** What a dead server had in hand, by request; `slots` is their memfd. */
function heldRequests(slots: number): Map<string, PoisonedRequest> {
  const held = new Map<string, PoisonedRequest>();
  for (const words of occupied(slots)) {
    if (isWaiting(words)) continue;
    const request = Dispatcher.poisonKey(words);
    held.set(JSON.stringify(request), request);
  }
  return held;
}

/** Whether a server is wanted for what earlier ones have left behind. */
export function isAnythingHeld(slots: number): boolean {
  for (const _ of occupied(slots)) return true;
  return false;
}

/** One after the other in the same memory. */
function* occupied(slots: number): Generator<Uint32Array> {
  const bytes = new Uint8Array(REQUEST_SIZE);
  const words = new Uint32Array(bytes.buffer);
  for (let slot = 0; slot < MAX_SLOTS; slot++) {
    const got = readSync(slots, bytes, 0, REQUEST_SIZE, slot * REQUEST_SIZE);
    if (got >= IN_HEADER_SIZE && words[InHeader.len] >= IN_HEADER_SIZE) yield words;
  }
}
