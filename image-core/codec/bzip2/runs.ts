/** The outermost layer of bzip2: runs of 4 to 259 equal bytes, and the CRC over what comes of them. */
import type { FunctionBuilder } from "../webassembly/assembler.js";
import {
  block,
  type Code,
  finish,
  i32,
  i64,
  leaveIf,
  loop,
  repeat,
  repeatIf,
  sequence,
  when,
} from "../webassembly/instructions.js";
import { CRC_TABLES, STATE } from "./memory.js";

/**
 * Four equal bytes are followed by how many more of them there are. Parameters: where the bytes
 * begin and end, where the output begins, and behind which address nothing more is begun. The
 * byte at the end must differ from the one before it. Returns the output's end, and leaves in
 * STATE's first word how far it has read.
 */
export function expandRuns(f: FunctionBuilder): Code {
  const from = f.parameter();
  const end = f.parameter();
  const to = f.parameter();
  const limit = f.parameter();
  const word = f.local("i64");
  const differing = f.local("i64");
  const skipped = f.local("i32");
  const stop = f.local("i32");
  const at = f.local("i32");
  const second = i64.load(from, 1);
  const third = i64.load(from, 2);
  const fourth = i64.load(from, 3);
  return sequence(
    block(
      "done",
      loop(
        "next",
        leaveIf("done", i32.atLeast(from, end)),
        leaveIf("done", i32.greater(to, limit)),
        word.set(i64.load(from)),
        // A zero byte where it and the three behind it are equal; the lowest zero byte has its high
        // bit set in the end, and none below it.
        differing.set(
          i64.or(i64.or(i64.xor(word, second), i64.xor(word, third)), i64.xor(word, fourth)),
        ),
        differing.set(
          i64.and(
            i64.and(i64.subtract(differing, 0x0101010101010101n), i64.xor(differing, -1)),
            0x8080808080808080n,
          ),
        ),
        i64.store(to, word),
        block(
          "run",
          leaveIf("run", i64.notEqual(differing, 0)),
          from.set(i32.add(from, 8)),
          to.set(i32.add(to, 8)),
          repeat("next"),
        ),
        skipped.set(i32.add(i32.shiftRight(i32.of(i64.trailingZeros(differing)), 3), 4)),
        i64.store(to, fourth, 3),
        from.set(i32.add(from, skipped)),
        to.set(i32.add(to, skipped)),
        leaveIf("done", i32.atLeast(from, end)),
        word.set(i64.multiply(i64.of(i32.load8(i32.subtract(from, 1))), 0x0101010101010101n)),
        at.set(to),
        stop.set(i32.add(to, i32.load8(from))),
        loop(
          "fill",
          i64.store(at, word),
          i64.store(at, word, 8),
          at.set(i32.add(at, 16)),
          repeatIf("fill", i32.less(at, stop)),
        ),
        to.set(stop),
        from.set(i32.add(from, 1)),
        repeat("next"),
      ),
    ),
    // Words may reach beyond the end.
    when(i32.greater(from, end), to.set(i32.subtract(to, i32.subtract(from, end))), from.set(end)),
    i32.store(STATE, from),
    finish(to),
  );
}

/**
 * CRC-32 with the bits in order, eight bytes at a time. Its bytes are swapped throughout, so that
 * they meet the first bytes of a word that is loaded. Parameters: the CRC so far, where the bytes
 * begin and end. Returns the CRC.
 */
export function checksum(f: FunctionBuilder): Code {
  const crc = f.parameter();
  const from = f.parameter();
  const end = f.parameter();
  const word = f.local("i64");
  const stop = f.local("i32");
  const looked = Array.from({ length: 8 }, (_, i) =>
    i32.load(
      i32.shiftLeft(i32.and(i32.of(i64.shiftRight(word, 8 * i)), 0xff), 2),
      CRC_TABLES + 1024 * (7 - i),
    ),
  );
  return sequence(
    stop.set(i32.subtract(end, 7)),
    block(
      "short",
      loop(
        "word",
        leaveIf("short", i32.atLeastSigned(from, stop)),
        word.set(i64.xor(i64.load(from), i64.of(crc))),
        crc.set(looked.reduce((left, right) => i32.xor(left, right))),
        from.set(i32.add(from, 8)),
        repeat("word"),
      ),
    ),
    block(
      "done",
      loop(
        "byte",
        leaveIf("done", i32.atLeast(from, end)),
        crc.set(
          i32.xor(
            i32.shiftRight(crc, 8),
            i32.load(i32.shiftLeft(i32.and(i32.xor(crc, i32.load8(from)), 0xff), 2), CRC_TABLES),
          ),
        ),
        from.set(i32.add(from, 1)),
        repeat("byte"),
      ),
    ),
    finish(crc),
  );
}
