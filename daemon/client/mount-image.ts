/** A mount from beginning to end, on the caller's side. */
import { constants, readlinkSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import {
  type ImageOptions,
  type MountInfo,
  type MountOptions,
  RpcErrorCode,
  type VerifyProgress,
} from "../rpc/protocol.js";
import { connect, connectIfNeeded } from "./connect.js";
import { connectSystem } from "./connect-system.js";
import { type Connection, ConnectionLost, RpcFailure } from "./connection.js";
import { defaultFolder, homeFolder } from "./default-folder.js";
import {
  closeMountpoint,
  closePlace,
  type Mountpoint,
  makeMountpoint,
  O_PATH,
  openMountpoint,
  openPlace,
  type Place,
  removeMade,
} from "./mountpoint.js";
import { makeEjectAlias } from "./old-gvfs.js";
import { type OpenedImage, openImage } from "./opener.js";
import type { PassphraseSource } from "./passphrase.js";
import { insistOnAnswer } from "./patience.js";
import { type OpenRequest, openSession, type Session } from "./session.js";

/** Typing errors happen; more than this is guessing. */
const PASSPHRASE_TRIES = 3;

export interface ImageRequest {
  /** Path as the person gave it. */
  image: string;
  /** Root's daemon is asked, not the user's own. */
  system?: boolean;
  options: ImageOptions;
  sandbox?: boolean;
  passphrase: PassphraseSource;
  /** Asks a person for it, for the first or for a further time; undefined where nobody answers. */
  ask(tries: number): Promise<Buffer | undefined>;
}

export interface MountRequest extends ImageRequest {
  /** Made where it is not given. */
  mountpoint?: string;
  mountOptions: MountOptions;
}

/** Starts the daemon if none runs. Throws Failure and RpcFailure, and leaves nothing behind then. */
export async function mountImage(request: MountRequest): Promise<MountInfo> {
  const image = await openInTime(request.image);
  let mountpoint: Mountpoint | undefined;
  try {
    // Before the image is read: the shorter way to the answer where this is what is wrong.
    if (request.mountpoint !== undefined) {
      const { mountpoint: name } = request;
      await insistOnAnswer(resolve(name), O_PATH);
      mountpoint = openMountpoint(name);
    }
    return await withSession(image, request, async ({ id, description }, connection) => {
      const { label } = description.volume;
      if (mountpoint === undefined && !isGuest(request)) {
        try {
          return await attachAt(connection, id, openPlace(label, image.stem), request);
        } catch (error) {
          // A daemon that an upgrade has left running makes no folders.
          const isOlder = error instanceof RpcFailure && error.code === RpcErrorCode.invalidParams;
          if (!isOlder) throw error;
        }
      }
      // Of another folder the system's daemon would not believe that it is the user's.
      const folder = request.system ? homeFolder() : defaultFolder();
      mountpoint ??= makeMountpoint(label, image.stem, folder);
      return attach(connection, id, mountpoint, request);
    });
  } finally {
    if (mountpoint !== undefined) closeMountpoint(mountpoint);
    image.close();
  }
}

/** What the image holds; nothing is mounted. */
export async function describeImage(request: ImageRequest): Promise<Session["description"]> {
  const image = await openInTime(request.image);
  try {
    return await withSession(image, request, ({ description }) => description);
  } finally {
    image.close();
  }
}

/** Checks the image's own checksums; `tell` is called about ten times a second. */
export async function verifyImage(
  request: ImageRequest,
  tell: (progress: VerifyProgress) => void,
): Promise<VerifyProgress> {
  const image = await openInTime(request.image);
  try {
    return await withSession(image, request, ({ id }, connection) => {
      for (;;) {
        const progress = connection.call("verify", { session: id });
        tell(progress);
        if (progress.finished) return progress;
      }
    });
  } finally {
    image.close();
  }
}

async function openInTime(name: string): Promise<OpenedImage> {
  await insistOnAnswer(resolve(name), constants.O_RDONLY | constants.O_NONBLOCK);
  return openImage(name);
}

async function attach(
  connection: Connection,
  session: string,
  mountpoint: Mountpoint,
  { mountOptions: options, system }: MountRequest,
): Promise<MountInfo> {
  const { fd, made } = mountpoint;
  const descriptors = made === undefined ? [fd] : [fd, made.parent];
  let mounted: MountInfo | undefined;
  try {
    mounted = connection.call("mount", { session, options, made: made?.name }, descriptors);
    return mounted;
  } catch (error) {
    const isOurs = (mount: MountInfo) => mount.mountpoint === mountpoint.path;
    if (error instanceof ConnectionLost) mounted = await findAdopted(isOurs, system);
    if (mounted !== undefined) return mounted;
    throw error;
  } finally {
    if (mounted === undefined) removeMade(mountpoint);
  }
}

/** On a folder that the daemon makes there. */
async function attachAt(
  connection: Connection,
  session: string,
  place: Place,
  { image, mountOptions: options, system }: MountRequest,
): Promise<MountInfo> {
  const { parent, name } = place;
  const began = Date.now() / 1000;
  let mounted: MountInfo | undefined;
  try {
    mounted = connection.call("mount", { session, options, made: name }, [parent]);
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    const path = resolve(image);
    const folder = readlinkSync(`/proc/self/fd/${parent}`);
    const isOurs = (mount: MountInfo) =>
      mount.image === path && dirname(mount.mountpoint) === folder && mount.since >= began;
    mounted = await findAdopted(isOurs, system);
    if (mounted === undefined) throw error;
  } finally {
    if (mounted !== undefined) makeEjectAlias(parent, basename(mounted.mountpoint));
    closePlace(place, mounted !== undefined);
  }
  return mounted;
}

/** Of root's daemon. */
function isGuest({ system }: MountRequest): boolean {
  return system === true && process.getuid!() !== 0;
}

/** The daemon died while it mounted. Its successor carries on with the mount, or clears it away. */
async function findAdopted(
  isOurs: (mount: MountInfo) => boolean,
  system: boolean | undefined,
): Promise<MountInfo | undefined> {
  const connection = system ? await connectSystem() : await connectIfNeeded();
  try {
    return connection?.call("list", {}).findLast(isOurs);
  } finally {
    connection?.close();
  }
}

/** The session ends with the connection, so with `use`. */
async function withSession<T>(
  image: OpenedImage,
  request: ImageRequest,
  use: (session: Session, connection: Connection) => T | Promise<T>,
): Promise<T> {
  const connection = request.system ? await connectSystem() : await connect();
  try {
    return await use(await openRepeatedly(connection, image, request), connection);
  } finally {
    connection.close();
  }
}

/** Asks again where what was typed is wrong. */
async function openRepeatedly(
  connection: Connection,
  image: OpenedImage,
  request: ImageRequest,
): Promise<Session> {
  let asked = 0;
  const ask: OpenRequest["ask"] = () => request.ask(++asked);
  for (;;) {
    const askedBefore = asked;
    try {
      return await openSession(connection, { ...request, image, ask });
    } catch (error) {
      const wrong = error instanceof RpcFailure && error.data.kind === "wrong-passphrase";
      if (!wrong || asked === askedBefore || asked >= PASSPHRASE_TRIES) {
        throw withName(error, image.path);
      }
    }
  }
}

/** What the image's readers complain of, with the image's name before it. */
function withName(error: unknown, path: string): unknown {
  if (!(error instanceof RpcFailure) || error.code !== RpcErrorCode.image) return error;
  const complaint = error.message.replace(/^image: /, "");
  const message = complaint.startsWith(path) ? complaint : `${path}: ${complaint}`;
  return new RpcFailure(message, error.code, error.data);
}
