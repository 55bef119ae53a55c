/**
 * The one list of formats. A new format is one folder, one line here and one fixture builder
 * (CONTRIBUTING.md shows how). Order decides between equally sure probes.
 */
import type { ContainerFormat, FilesystemFormat, PartitionFormat } from "./format.js";

export const containerFormats: readonly ContainerFormat[] = [];

export const partitionFormats: readonly PartitionFormat[] = [];

export const filesystemFormats: readonly FilesystemFormat[] = [];
