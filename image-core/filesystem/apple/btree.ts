/**
 * A B-tree over a fork: search from the root, walks along the leaves (TN1150, "B-Trees").
 *
 * Nodes are cached least recently used first out, strictly `CACHE_BYTES` of them. The map of used
 * nodes is never read. No thread safety.
 */
import { corrupt, ImageError } from "../../errors.js";
import { readExactly } from "../../source/read-exactly.js";
import { BTreeNode, type KeyLayout, MIN_SLOT_BYTES, NodeKind } from "./btree-node.js";
import type { Fork } from "./fork.js";

const CACHE_BYTES = 8 * 1024 * 1024;
/** Of an HFS+ header node: descriptor and header record. */
const HEADER_BYTES = 120;
const MIN_NODE_BYTES = 512;
const MAX_NODE_BYTES = 32768;
/** Deeper than any tree of 2^32 nodes with two records each that a writer would make. */
const MAX_DEPTH = 32;

/** BTHeaderRec.attributes: the length of keys in index nodes varies. */
const BT_VARIABLE_INDEX_KEYS_MASK = 4;

/** Negative: the key lies before the wanted one; 0: it is the wanted one. */
export type KeyComparison = (node: BTreeNode, keyStart: number, keyEnd: number) => number;

/** The last record whose key is not greater than the wanted one. */
export interface Found {
  node: BTreeNode;
  /** -1 where every key of the leaf is greater. */
  record: number;
  exact: boolean;
}

export class BTree {
  // BTHeaderRec
  readonly treeDepth: number;
  readonly rootNode: number;
  readonly nodeSize: number;
  readonly totalNodes: number;
  readonly keyCompareType: number;

  /** Every record of a node has an index below this. */
  readonly slotsPerNode: number;
  private readonly layout: KeyLayout;
  private readonly cache = new Map<number, BTreeNode>();
  private readonly capacity: number;

  /** `name`: for errors. Throws `corrupt` for a header that contradicts itself or its fork. */
  constructor(
    private readonly fork: Fork,
    private readonly name: string,
    layout: Omit<KeyLayout, "fixedIndexKeyLength">,
  ) {
    const header = readExactly(fork, 0, HEADER_BYTES, layout.format, `${name} B-tree header`);
    const view = new DataView(header.buffer);
    const kind = view.getInt8(8);
    this.treeDepth = view.getUint16(14);
    this.rootNode = view.getUint32(16);
    this.nodeSize = view.getUint16(32);
    const maxKeyLength = view.getUint16(34);
    const totalNodes = view.getUint32(36);
    this.keyCompareType = view.getUint8(51);
    const attributes = view.getUint32(52);

    const structure = `${name} B-tree header`;
    if (kind !== NodeKind.header)
      throw corrupt(layout.format, structure, 8, `kind is ${kind}, not 1`);
    if (
      this.nodeSize < MIN_NODE_BYTES ||
      this.nodeSize > MAX_NODE_BYTES ||
      (this.nodeSize & (this.nodeSize - 1)) !== 0
    ) {
      throw corrupt(layout.format, structure, 32, `node size ${this.nodeSize}`);
    }
    if (this.treeDepth > MAX_DEPTH) {
      throw corrupt(layout.format, structure, 14, `tree depth ${this.treeDepth}`);
    }
    // Bounds every walk, so it must not be what the image merely claims.
    this.totalNodes = Math.min(totalNodes, Math.floor(fork.heldBytes / this.nodeSize));
    this.slotsPerNode = this.nodeSize / MIN_SLOT_BYTES;
    this.capacity = Math.ceil(CACHE_BYTES / this.nodeSize);
    // HFS has no such attribute: its index keys are always padded to the full length.
    const variable =
      layout.keyLengthBytes === 2 && (attributes & BT_VARIABLE_INDEX_KEYS_MASK) !== 0;
    this.layout = { ...layout, fixedIndexKeyLength: variable ? 0 : maxKeyLength };
  }

  /** Descends from the root. Undefined only where the tree is empty. */
  search(compare: KeyComparison): Found | undefined {
    if (this.rootNode === 0) return undefined;
    let node = this.node(this.rootNode);
    for (let depth = 0; node.kind === NodeKind.index; depth++) {
      const record = Math.max(0, lastNotGreater(node, compare));
      if (node.numRecords === 0) throw node.error(0, "an index node without records");
      const child = this.node(node.child(record));
      // Heights fall by one each level: a node that points at itself or upwards ends here.
      if (child.height !== node.height - 1 || depth > MAX_DEPTH) {
        throw node.error(0, `height ${node.height}, its child ${child.number} ${child.height}`);
      }
      node = child;
    }
    if (node.kind !== NodeKind.leaf) throw node.error(8, `kind ${node.kind} where a leaf belongs`);
    const record = lastNotGreater(node, compare);
    const exact = record >= 0 && compare(node, node.keyStart(record), node.keyEnd(record)) === 0;
    return { node, record, exact };
  }

  /**
   * Visits records from there on, leaf after leaf, until `visit` returns false. Throws `corrupt`
   * where the leaves lead back to themselves.
   */
  walk(leaf: BTreeNode, record: number, visit: (node: BTreeNode, record: number) => boolean): void {
    let node = leaf;
    let next = record;
    for (let leaves = 0; leaves <= this.totalNodes; leaves++) {
      for (; next < node.numRecords; next++) if (!visit(node, next)) return;
      if (node.fLink === 0) return;
      node = this.leaf(node.fLink);
      next = 0;
    }
    throw node.error(0, "the leaves lead back to themselves");
  }

  /** Throws `corrupt` for a node that is no leaf. */
  leaf(number: number): BTreeNode {
    const node = this.node(number);
    if (node.kind !== NodeKind.leaf) throw node.error(8, `kind ${node.kind} where a leaf belongs`);
    return node;
  }

  private node(number: number): BTreeNode {
    const cached = this.cache.get(number);
    if (cached !== undefined) {
      if (this.cache.size >= this.capacity) {
        // Only a full cache evicts, so only a full cache needs the order of use.
        this.cache.delete(number);
        this.cache.set(number, cached);
      }
      return cached;
    }
    const { format } = this.layout;
    if (number === 0 || number >= this.totalNodes) {
      throw new ImageError(
        "corrupt",
        format,
        `${this.name} B-tree: a link leads to node ${number} of ${this.totalNodes}`,
      );
    }
    const position = number * this.nodeSize;
    const bytes = readExactly(
      this.fork,
      position,
      this.nodeSize,
      format,
      `${this.name} B-tree node`,
    );
    const node = new BTreeNode(number, bytes, this.layout, this.name);
    if (this.cache.size >= this.capacity) {
      this.cache.delete(this.cache.keys().next().value as number);
    }
    this.cache.set(number, node);
    return node;
  }
}

/** By bisection; -1 where every key is greater. */
function lastNotGreater(node: BTreeNode, compare: KeyComparison): number {
  let low = -1;
  let high = node.numRecords - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (compare(node, node.keyStart(middle), node.keyEnd(middle)) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}
