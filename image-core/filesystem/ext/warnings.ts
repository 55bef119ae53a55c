/** What is wrong with an image yet does not stop it from being read. */

/** Enough to show that, and where, an image is damaged. */
const MAX_WARNINGS = 50;
/** Structures remembered as checked; forgotten all at once when there are more. */
const MAX_CHECKED = 65536;

export class Warnings {
  readonly list: string[] = [];
  private readonly checked = new Set<number>();

  add(problem: string): void {
    if (this.list.includes(problem)) return;
    if (this.list.length < MAX_WARNINGS) this.list.push(problem);
    else if (this.list.length === MAX_WARNINGS) this.list.push("and more");
  }

  /** True the first time: a checksum need not be computed at every reading. */
  firstUse(block: number): boolean {
    if (this.checked.has(block)) return false;
    if (this.checked.size === MAX_CHECKED) this.checked.clear();
    this.checked.add(block);
    return true;
  }
}
