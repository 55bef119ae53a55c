/**
 * The descriptors of mounts in systemd's store: what is left when supervisor and servers die at
 * once. Names are `ID-fuse`, `ID-slots`, `ID-image` and `ID-need-N`, in the order of the record's
 * needs.
 */
import { close } from "../../fs-adapter/system/libc.js";
import type { Belongings } from "./adopted-server.js";
import type { Image } from "./image.js";
import type { StateRecord } from "./state-record.js";
import type { ServiceManager } from "./systemd.js";

export class DescriptorStore {
  constructor(
    private readonly manager: ServiceManager,
    private readonly passed: Map<string, number[]>,
  ) {}

  keep(id: string, fuse: number, slots: number, image: Image): void {
    this.manager.keep(`${id}-fuse`, fuse);
    this.manager.keep(`${id}-slots`, slots);
    this.manager.keep(`${id}-image`, image.fd);
    image.metNeeds().forEach(({ supply }, index) => {
      if (supply.fd !== undefined) this.manager.keep(`${id}-need-${index}`, supply.fd);
    });
  }

  forget(id: string, needs: number): void {
    for (const name of ["fuse", "slots", "image"]) this.manager.forget(`${id}-${name}`);
    for (let index = 0; index < needs; index++) this.manager.forget(`${id}-need-${index}`);
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
    for (const fd of [fuse, slots, image, ...met.map(({ supply }) => supply.fd)]) {
      if (fd !== undefined) close(fd);
    }
    return undefined;
  }

  /** What no record speaks of. */
  closeRest(): void {
    for (const [name, fds] of this.passed) {
      if (!/^m\d+-/.test(name)) continue;
      for (const fd of fds) close(fd);
      this.manager.forget(name);
    }
    this.passed.clear();
  }

  private takeOne(name: string): number | undefined {
    const fds = this.passed.get(name);
    const fd = fds?.shift();
    // The same descriptor kept twice comes back twice.
    for (const twin of fds ?? []) close(twin);
    this.passed.delete(name);
    return fd;
  }
}
