/**
 * The descriptors of mounts outside this process, in systemd's store or the keeper's: what is left
 * when supervisor and servers die at once, or while a server sleeps. Names are `ID-fuse`, `ID-slots`, `ID-image` and `ID-need-N`, in the order of the record's
 * needs.
 */
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import type { DaemonInfo } from "../rpc/protocol.js";
import type { Belongings } from "./adopted-server.js";
import type { Image } from "./image.js";
import type { StateRecord } from "./state-record.js";

/** Holds copies of descriptors by name until they are forgotten, through any death of this process. */
export interface DescriptorKeeper {
  keep(name: string, fd: number): void;
  forget(name: string): void;
  /** This process is about to end. */
  end(): void;
  /** The process that does it, if that is one of ours. */
  readonly info?: DaemonInfo["keeper"];
}

export class DescriptorStore {
  constructor(
    private readonly keeper: DescriptorKeeper,
    /** What an earlier supervisor had kept. */
    private readonly passed: Map<string, number[]>,
  ) {}

  keep(id: string, fuse: number, slots: number, image: Image): void {
    this.keeper.keep(`${id}-fuse`, fuse);
    this.keeper.keep(`${id}-slots`, slots);
    this.keeper.keep(`${id}-image`, image.fd);
    image.metNeeds().forEach(({ supply }, index) => {
      if (supply.fd !== undefined) this.keeper.keep(`${id}-need-${index}`, supply.fd);
    });
  }

  forget(id: string, needs: number): void {
    for (const name of ["fuse", "slots", "image"]) this.keeper.forget(`${id}-${name}`);
    for (let index = 0; index < needs; index++) this.keeper.forget(`${id}-need-${index}`);
  }

  /** Everything that the mount is made of, if it is all there; taken out, not to be found again. */
  take(record: StateRecord): Belongings | undefined {
    const fuse = this.takeOne(`${record.id}-fuse`);
    const slots = this.takeOne(`${record.id}-slots`);
    const image = this.takeOne(`${record.id}-image`);
    const met = record.needs.map(({ need, error, hasDescriptor }, index) => ({
      need,
      supply: { error, fd: hasDescriptor ? this.takeOne(`${record.id}-need-${index}`) : undefined },
    }));
    const whole = met.every(
      ({ supply }, i) => record.needs[i].hasDescriptor === (supply.fd !== undefined),
    );
    if (fuse !== undefined && slots !== undefined && image !== undefined && whole) {
      return { fuse, slots, image, met };
    }
    const found = [fuse, slots, image, ...met.map(({ supply }) => supply.fd)];
    closeForeign(found.flatMap((fd) => fd ?? []));
    return undefined;
  }

  /** What no record speaks of. */
  closeRest(): void {
    for (const [name, fds] of this.passed) {
      if (!/^m\d+-/.test(name)) continue;
      closeForeign(fds);
      this.keeper.forget(name);
    }
    this.passed.clear();
  }

  get info(): DaemonInfo["keeper"] {
    return this.keeper.info;
  }

  end(): void {
    this.keeper.end();
  }

  private takeOne(name: string): number | undefined {
    const fds = this.passed.get(name);
    const fd = fds?.shift();
    // The same descriptor kept twice comes back twice.
    closeForeign(fds ?? []);
    this.passed.delete(name);
    return fd;
  }
}
