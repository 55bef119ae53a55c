/**
 * The name under which an old gvfs looks for a mountpoint when its eject button is pressed. Until
 * version 1.53 its volume monitor hands a path with other letters than ASCII to umount(8) with each
 * of their bytes as `\303`, and the shell quoting around it does not undo that.
 *
 * A symlink of that name leads it to the mountpoint; it goes away with the folder that it stands for.
 */

/** Undefined where the name is the same. */
export function ejectAlias(name: string): string | undefined {
  const bytes = Buffer.from(name);
  if (bytes.every((byte) => byte < 0x80)) return undefined;
  return [...bytes]
    .map((byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`))
    .join("");
}
