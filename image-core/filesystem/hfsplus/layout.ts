/** Where a volume header lies (TN1150, "Volume Header"). */

/** Of the volume header, and of the Master Directory Block of HFS. */
export const VOLUME_HEADER_OFFSET = 1024;
export const VOLUME_HEADER_BYTES = 512;
/** From the alternate volume header to the end of the volume. */
export const ALTERNATE_HEADER_DISTANCE = 1024;
