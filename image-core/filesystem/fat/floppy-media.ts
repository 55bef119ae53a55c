/**
 * Floppies whose boot sector says nothing about their layout: DOS 1.x wrote none, and some later
 * tools left it empty. The size and the media byte that begins the FAT name the layout.
 */

export interface FloppyMedium {
  /** In KiB, of the whole image. */
  capacity: number;
  media: number;
  secPerClus: number;
  fatSz: number;
  rootEntCnt: number;
}

/** 512-byte sectors, one reserved, two FATs, FAT12: the same on all. */
const floppyMedia: readonly FloppyMedium[] = [
  { capacity: 160, media: 0xfe, secPerClus: 1, fatSz: 1, rootEntCnt: 64 },
  { capacity: 180, media: 0xfc, secPerClus: 1, fatSz: 2, rootEntCnt: 64 },
  { capacity: 320, media: 0xff, secPerClus: 2, fatSz: 1, rootEntCnt: 112 },
  { capacity: 360, media: 0xfd, secPerClus: 2, fatSz: 2, rootEntCnt: 112 },
  { capacity: 720, media: 0xf9, secPerClus: 2, fatSz: 3, rootEntCnt: 112 },
  { capacity: 1200, media: 0xf9, secPerClus: 1, fatSz: 7, rootEntCnt: 224 },
  { capacity: 1440, media: 0xf0, secPerClus: 1, fatSz: 9, rootEntCnt: 224 },
  { capacity: 2880, media: 0xf0, secPerClus: 2, fatSz: 9, rootEntCnt: 240 },
];

/** `head` begins with the image and reaches into its second sector. */
export function floppyMedium(head: Uint8Array, size: number): FloppyMedium | undefined {
  if (head.length < 515 || head[513] !== 0xff || head[514] !== 0xff) return undefined;
  return floppyMedia.find(
    (medium) => medium.capacity * 1024 === size && medium.media === head[512],
  );
}
