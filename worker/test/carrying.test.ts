import { expect, it } from "vitest";
import { nextSize } from "../src/tunnel/carrying";

const KIB = 1024;

/** In how many reads each of the frames is taken that come one after the other. */
function readsOf(frames: number[], room = 4 * KIB): number[] {
  return frames.map((frame) => {
    let reads = 0;
    for (let left = frame; left > 0; reads++) {
      const read = Math.min(left, room);
      left -= read;
      room = nextSize(read, room);
    }
    return reads;
  });
}

it("takes large frames in a row in one read each, once it has seen the first", () => {
  expect(readsOf([60_000, 60_000, 60_000])).toEqual([3, 1, 1]);
});

it("reads more at once as long as all it has room for comes", () => {
  expect([4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB].map((room) => nextSize(room, room))).toEqual([
    16 * KIB,
    64 * KIB,
    256 * KIB,
    256 * KIB,
  ]);
});

it("holds little again for a connection that has gone quiet", () => {
  expect(nextSize(300, 256 * KIB)).toBe(4 * KIB);
  expect(nextSize(300, 4 * KIB)).toBe(4 * KIB);
});
