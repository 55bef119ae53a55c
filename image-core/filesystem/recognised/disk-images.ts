/** Disk image containers that isomount does not unpack. */
import { Confidence, type ProbeWindow } from "../../format.js";
import { be32, holds, le16, le32, type Signature, words } from "./signature.js";

/** The last eight bytes of a DiscJuggler image: version, and where its header is. */
const CDI_VERSIONS = [0x8000_0004, 0x8000_0005, 0x8000_0006];

function isDiscJuggler({ tail, size }: ProbeWindow): boolean {
  if (tail.length < 8) return false;
  const view = new DataView(tail.buffer, tail.byteOffset + tail.length - 8, 8);
  const version = view.getUint32(0, true);
  const header = view.getUint32(4, true);
  // Versions before 3.5 count from the start, later ones from the end.
  return CDI_VERSIONS.includes(version) && header > 8 && header < size;
}

/** Version 1 is another format under the same magic, and has its own name. */
function qcowDetails(window: ProbeWindow): string {
  return `version ${be32(window, 4)}`;
}

const VHD_FOOTER = "conectix";
const VHD_DISK_TYPES = ["", "", "fixed", "dynamic", "differencing"];

/** By the footer's disk type; the one at the end, since fixed disks have no copy at the start. */
function vhdType({ head, tail }: ProbeWindow): string {
  for (const [bytes, at] of [
    [tail, tail.length - 512],
    [tail, tail.length - 511],
    [head, 0],
  ] as const) {
    const footer = bytes.subarray(Math.max(0, at), Math.max(0, at) + 64);
    const magic = String.fromCharCode(...footer.subarray(0, VHD_FOOTER.length));
    if (magic === VHD_FOOTER && footer.length === 64) return VHD_DISK_TYPES[footer[63]] ?? "";
  }
  return "";
}

/** The descriptor is a text: a file of its own, or a few sectors into the first extent. */
function vmdkType(window: ProbeWindow): string {
  const begin = Buffer.from(window.head.subarray(0, 20 * 512)).toString("latin1");
  const version = holds(window, 0, "KDMV") ? `version ${le32(window, 4)}` : "";
  return words(version, /\bcreateType *= *"(\w{1,32})"/.exec(begin)?.[1] ?? "");
}

const VDI_TYPES = ["", "dynamic", "fixed", "undo", "differencing"];

function vdiDetails(window: ProbeWindow): string {
  const version = `version ${le16(window, 70)}.${le16(window, 68)}`;
  return words(version, VDI_TYPES[le32(window, 76)] ?? "");
}

export const diskImages: readonly Signature[] = [
  {
    id: "qcow",
    title: "QEMU disk image (QCOW)",
    magic: [[0, "QFI\xfb\0\0\0\x01"]],
    details: qcowDetails,
  },
  {
    id: "qcow2",
    title: "QEMU disk image (QCOW2)",
    magic: [[0, "QFI\xfb"]],
    test: (window) => be32(window, 4) > 1,
    details: qcowDetails,
  },
  { id: "qed", title: "QEMU disk image (QED)", magic: [[0, "QED\0"]] },
  { id: "vhdx", title: "Hyper-V disk image (VHDX)", magic: [[0, "vhdxfile"]] },
  {
    id: "vhd",
    title: "Virtual PC disk image (VHD)",
    magic: [
      [-512, "conectix"],
      [-511, "conectix"],
      [0, "conectix"],
    ],
    details: vhdType,
  },
  {
    id: "vmdk",
    title: "VMware disk image (VMDK)",
    magic: [
      [0, "KDMV"],
      [0, "COWD"],
      [0, "# Disk DescriptorFile"],
      // seSparse: 0xcafebabe in 64 bits.
      [0, "\xbe\xba\xfe\xca\0\0\0\0"],
    ],
    details: vmdkType,
  },
  {
    id: "vdi",
    title: "VirtualBox disk image (VDI)",
    magic: [[64, "\x7f\x10\xda\xbe"]],
    details: vdiDetails,
  },
  {
    id: "parallels",
    title: "Parallels disk image (HDD)",
    magic: [
      [0, "WithoutFreeSpace"],
      [0, "WithouFreSpacExt"],
    ],
  },
  { id: "bochs", title: "Bochs disk image", magic: [[0, "Bochs Virtual HD Image"]] },
  { id: "ewf", title: "EnCase image (E01)", magic: [[0, "EVF\x09\x0d\x0a\xff\0"]] },
  { id: "ewf2", title: "EnCase image (Ex01)", magic: [[0, "EVF2\x0d\x0a\x81\0"]] },
  {
    id: "ewf-logical",
    title: "EnCase logical evidence (L01, Lx01)",
    magic: [
      [0, "LVF\x09\x0d\x0a\xff\0"],
      [0, "LEF2\x0d\x0a\x81\0"],
    ],
  },
  { id: "aff", title: "Advanced Forensic Format image", magic: [[0, "AFF10\r\n\0"]] },
  {
    id: "chd",
    title: "MAME disk image (CHD)",
    magic: [[0, "MComprHD"]],
    details: (window) => `version ${be32(window, 12)}`,
  },
  {
    id: "cso",
    title: "Compressed ISO (CSO)",
    magic: [
      [0, "CISO"],
      [0, "ZISO"],
    ],
  },
  { id: "wbfs", title: "Wii backup image (WBFS)", magic: [[0, "WBFS"]] },
  { id: "isz", title: "UltraISO compressed image (ISZ)", magic: [[0, "IsZ!"]] },
  {
    id: "daa",
    title: "PowerISO image (DAA)",
    magic: [
      [0, "DAA\0"],
      [0, "GBI\0"],
    ],
  },
  { id: "uif", title: "MagicISO image (UIF)", magic: [[-64, "bbis"]] },
  {
    id: "cdi",
    title: "DiscJuggler image (CDI)",
    test: isDiscJuggler,
    confidence: Confidence.likely,
  },
  { id: "blindwrite", title: "BlindWrite image (B5T/B6T)", magic: [[0, "BWT5 STREAM SIGN"]] },
  {
    id: "wim",
    title: "Windows imaging file (WIM)",
    magic: [
      [0, "MSWIM\0\0\0"],
      [0, "WLPWM\0\0\0"],
    ],
  },
  { id: "partclone", title: "partclone image", magic: [[0, "partclone-image"]] },
  { id: "partimage", title: "Partimage image", magic: [[0, "PaRtImAgE-VoLuMe"]] },
  {
    id: "ghost",
    title: "Norton Ghost image",
    magic: [[0, "\xfe\xef\x01"]],
    confidence: Confidence.likely,
  },
  { id: "acronis", title: "Acronis True Image backup", magic: [[0, "\xb4\x6e\x68\x44"]] },
  { id: "android-sparse", title: "Android sparse image", magic: [[0, "\x3a\xff\x26\xed\x01\0"]] },
  {
    id: "imagedisk",
    title: "ImageDisk floppy image (IMD)",
    magic: [
      [0, "IMD 1."],
      [0, "IMD 0."],
    ],
  },
  {
    id: "teledisk",
    title: "TeleDisk floppy image (TD0)",
    magic: [
      [0, "TD\0"],
      [0, "td\0"],
    ],
    confidence: Confidence.likely,
  },
  {
    id: "hfe",
    title: "HxC floppy image (HFE)",
    magic: [
      [0, "HXCPICFE"],
      [0, "HXCHFEV3"],
    ],
  },
  { id: "ipf", title: "Interchangeable floppy image (IPF)", magic: [[0, "CAPS\0\0\0\x0c"]] },
  {
    id: "scp",
    title: "SuperCard Pro flux image",
    magic: [[0, "SCP"]],
    confidence: Confidence.likely,
  },
  {
    id: "woz",
    title: "Apple II floppy image (WOZ)",
    magic: [
      [0, "WOZ1\xff\n\r\n"],
      [0, "WOZ2\xff\n\r\n"],
    ],
  },
  {
    id: "t98",
    title: "PC-98 disk image (T98-Next)",
    magic: [
      [0, "T98HDDIMAGE.R"],
      [0, "T98FDDIMAGE.R"],
    ],
  },
  { id: "dms", title: "Amiga DiskMasher image (DMS)", magic: [[0, "DMS!"]] },
  {
    id: "msa",
    title: "Atari ST floppy image (MSA)",
    magic: [[0, "\x0e\x0f"]],
    // Sectors a track and sides, as floppies have them.
    test: (window) => {
      const [, , , sectors, , sides] = window.head;
      return sectors >= 8 && sectors <= 22 && sides <= 1 && !holds(window, 510, "\x55\xaa");
    },
    confidence: Confidence.likely,
  },
  {
    id: "cloop",
    title: "cloop compressed image",
    test: (window) => holds(window, 0, "#!/bin/sh\n#V"),
  },
];
