/** Disk image containers that isomount does not unpack. */
import { Confidence, type ProbeWindow } from "../../format.js";
import { be32, holds, type Signature } from "./signature.js";

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

export const diskImages: readonly Signature[] = [
  {
    id: "qcow",
    title: "QEMU disk image (QCOW)",
    magic: [[0, "QFI\xfb"]],
    details: (window) => `version ${be32(window, 4)}`,
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
  },
  {
    id: "vmdk",
    title: "VMware disk image (VMDK)",
    magic: [
      [0, "KDMV"],
      [0, "COWD"],
      [0, "# Disk DescriptorFile"],
    ],
  },
  { id: "vdi", title: "VirtualBox disk image (VDI)", magic: [[64, "\x7f\x10\xda\xbe"]] },
  {
    id: "parallels",
    title: "Parallels disk image (HDD)",
    magic: [
      [0, "WithoutFreeSpace"],
      [0, "WithouFreSpacExt"],
    ],
  },
  { id: "bochs", title: "Bochs disk image", magic: [[0, "Bochs Virtual HD Image"]] },
  {
    id: "ewf",
    title: "EnCase image (E01)",
    magic: [
      [0, "EVF\x09\x0d\x0a\xff\0"],
      [0, "LVF\x09\x0d\x0a\xff\0"],
      [0, "EVF2\x0d\x0a\x81\0"],
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
