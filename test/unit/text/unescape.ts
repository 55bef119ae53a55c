/** The way back from a shown name to its bytes. */

/** `encode`: the bytes of one character that was decoded; undefined adds none. */
export function unescapeName(
  name: string,
  encode: (character: string) => number[] | undefined,
): Uint8Array {
  const bytes: number[] = [];
  const characters = [...name];
  for (let i = 0; i < characters.length; i++) {
    if (characters[i] !== "␛") {
      bytes.push(...(encode(characters[i]) ?? []));
    } else if (characters[i + 1] === "␛") {
      bytes.push(...(encode("␛") ?? []));
      i++;
    } else if (i + 2 < characters.length) {
      bytes.push(Number.parseInt(characters[i + 1] + characters[i + 2], 16));
      i += 2;
    }
  }
  return Uint8Array.from(bytes);
}
