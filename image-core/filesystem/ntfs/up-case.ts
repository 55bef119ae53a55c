/** $UpCase: the volume's own table of upper-case letters, by which names are compared. */

const UNITS = 65536;

/** Folds a name for comparison. Without a table of the right size, by Unicode's own upper case. */
export function upCaseFolder(table: Uint8Array | undefined): (name: string) => string {
  if (table === undefined || table.length < UNITS * 2) {
    return (name) => name.toUpperCase();
  }
  return (name) => {
    let folded = "";
    for (let i = 0; i < name.length; i++) {
      const unit = name.charCodeAt(i) * 2;
      folded += String.fromCharCode(table[unit] | (table[unit + 1] << 8));
    }
    return folded;
  };
}
