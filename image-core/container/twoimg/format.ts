/** 2IMG images of Apple II disks (Apple II File Type Note $E0/$0130). */
import { Confidence, type ContainerFormat } from "../../format.js";
import { isTwoImg } from "./structs.js";

export const twoimg: ContainerFormat = {
  id: "twoimg",
  title: "2IMG disk image",
  probe({ head }) {
    if (!isTwoImg(head)) return undefined;
    return { confidence: Confidence.certain, title: "2IMG disk image" };
  },
  load: () => import("./twoimg.js"),
};
