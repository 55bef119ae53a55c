/**
 * Floppies whose boot sector says nothing about their layout: DOS 1.x wrote none, MSX-DOS 1 goes by
 * the media byte, Japanese machines left it out, and some later tools emptied it. The size and the
 * media byte that begins the FAT name the layout.
 */

export interface FloppyMedium {
  /** In KiB, of the whole image. */
  capacity: number;
  media: number;
  secPerClus: number;
  fatSz: number;
  rootEntCnt: number;
  bytsPerSec: number;
}

/** One reserved sector, two FATs, FAT12: the same on all. */
function medium(
  capacity: number,
  media: number,
  secPerClus: number,
  fatSz: number,
  rootEntCnt: number,
  bytsPerSec = 512,
): FloppyMedium {
  return { capacity, media, secPerClus, fatSz, rootEntCnt, bytsPerSec };
}

const floppyMedia: readonly FloppyMedium[] = [
  medium(160, 0xfe, 1, 1, 64),
  medium(180, 0xfc, 1, 2, 64),
  medium(320, 0xff, 2, 1, 112),
  medium(360, 0xfd, 2, 2, 112),
  // 80 tracks: MSX-DOS, and DOS 3.2 on 640 KiB.
  medium(320, 0xfa, 2, 1, 112),
  medium(360, 0xf8, 2, 2, 112),
  medium(640, 0xfb, 2, 2, 112),
  medium(720, 0xf9, 2, 3, 112),
  medium(1200, 0xf9, 1, 7, 224),
  // PC-98 and FM Towns: 77 tracks of eight sectors.
  medium(1232, 0xfe, 1, 2, 192, 1024),
  medium(1440, 0xf0, 1, 9, 224),
  medium(2880, 0xf0, 2, 9, 240),
];

/** `head` begins with the image and reaches into its second sector. */
export function floppyMedium(head: Uint8Array, size: number): FloppyMedium | undefined {
  return floppyMedia.find(
    ({ capacity, media, bytsPerSec: fat }) =>
      capacity * 1024 === size &&
      head.length >= fat + 3 &&
      head[fat] === media &&
      head[fat + 1] === 0xff &&
      head[fat + 2] === 0xff,
  );
}
