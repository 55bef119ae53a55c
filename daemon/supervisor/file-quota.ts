/**
 * How many files images may be made of. Each is open for as long as its image is mounted, and a
 * daemon that has no descriptor left mounts nothing for anybody: so there is a bound for all images
 * together, and for guests of root's daemon one for each and one for all of them.
 */
import { RpcErrorCode } from "../rpc/protocol.js";
import { descriptorLimit } from "./descriptor-limit.js";
import { RequestFailure } from "./failure.js";

/** Of what there is, for connections and what comes with them (see `clients.ts`). */
const CLIENTS = { share: 5 / 8, most: 4096 + 512 };
/** And for what every mount and every server takes. */
const MOUNTS = { share: 1 / 16, most: 4096 };
/** Of what is left. A bundle of 500 GB is 60,000 bands: with the system's daemon, a guest can mount it. */
const GUEST_SHARE = 1 / 8;
const GUESTS_SHARE = 1 / 2;

/** What one user's images count against. */
export interface FileQuota {
  /** Throws RequestFailure where there is no room for so many of this image. */
  check(files: number, image: string): void;
  take(files: number): void;
  give(files: number): void;
}

export class FileQuotas {
  private readonly most: number;
  private held = 0;
  private heldByGuests = 0;
  private readonly guests = new Map<number, number>();

  constructor(
    private readonly limit = descriptorLimit(),
    private readonly isRoot = process.getuid!() === 0,
  ) {
    const left = [CLIENTS, MOUNTS].reduce(
      (rest, { share, most }) => rest - Math.min(most, Math.ceil(limit * share)),
      limit,
    );
    this.most = Math.max(0, left);
  }

  /** Of this user's images. */
  of(uid: number): FileQuota {
    const isGuest = this.isRoot && uid !== 0;
    const count = (files: number) => {
      this.held += files;
      if (!isGuest) return;
      this.heldByGuests += files;
      const theirs = (this.guests.get(uid) ?? 0) + files;
      if (theirs > 0) this.guests.set(uid, theirs);
      else this.guests.delete(uid);
    };
    return {
      check: (files, image) => {
        if (isGuest) this.checkGuest(uid, files, image);
        if (this.held + files > this.most) throw this.tooMany(image);
      },
      take: (files) => count(files),
      give: (files) => count(-files),
    };
  }

  private checkGuest(uid: number, files: number, image: string): void {
    const theirs = this.guests.get(uid) ?? 0;
    const each = Math.floor(this.most * GUEST_SHARE);
    if (theirs + files > each) throw tooManyOfGuest(image, "of a user", each, theirs);
    const all = Math.floor(this.most * GUESTS_SHARE);
    if (this.heldByGuests + files > all) {
      throw tooManyOfGuest(image, "of all its users", all, this.heldByGuests);
    }
  }

  private tooMany(image: string): RequestFailure {
    const of = `by its limit of ${this.limit} descriptors ${this.most} of all images`;
    const remedy = "raise it (ulimit -Hn, LimitNOFILE= of the unit) and restart isomountd";
    return refusal(
      `${image} is made of more files than isomountd can keep open: ${of}`,
      this.held,
      remedy,
    );
  }
}

function tooManyOfGuest(image: string, whose: string, most: number, held: number): RequestFailure {
  const what = `${image} is made of too many files: the system's daemon keeps ${most} ${whose} open`;
  const remedy = "mount it without --system; root can raise LimitNOFILE= of isomountd.service";
  return refusal(what, held, remedy);
}

function refusal(what: string, held: number, remedy: string): RequestFailure {
  const message = `${what}, and ${held} are open now (${remedy})`;
  return new RequestFailure(RpcErrorCode.image, message, { kind: "limit" });
}
