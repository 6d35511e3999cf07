import { expect, it } from "vitest";
import { mostOf, nextSize } from "../src/tunnel/carrying";

const KIB = 1024;

/** In how many reads each of the frames is taken that come one after the other. */
function readsOf(frames: number[], room = 4 * KIB): number[] {
  return frames.map((frame) => {
    let reads = 0;
    for (let left = frame; left > 0; reads++) {
      const read = Math.min(left, room);
      left -= read;
      room = nextSize(read, room, 256 * KIB);
    }
    return reads;
  });
}

it("takes large frames in a row in one read each, once it has seen the first", () => {
  expect(readsOf([60_000, 60_000, 60_000])).toEqual([3, 1, 1]);
});

it("reads more at once as long as all it has room for comes", () => {
  expect([4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB].map((room) => nextSize(room, room, 256 * KIB))).toEqual([
    16 * KIB,
    64 * KIB,
    256 * KIB,
    256 * KIB,
  ]);
});

it("holds little again for a connection that has gone quiet", () => {
  expect(nextSize(300, 256 * KIB, 256 * KIB)).toBe(4 * KIB);
  expect(nextSize(300, 4 * KIB, 256 * KIB)).toBe(4 * KIB);
});

it("lets many connections together take up no more than a few large ones", () => {
  for (const connections of [1, 64, 200, 4000])
    expect(2 * connections * mostOf(connections)).toBeLessThanOrEqual(32 * KIB * KIB);
  expect([1, 64, 200, 4000].map(mostOf).map((most) => Math.floor(most / KIB))).toEqual([256, 256, 81, 4]);
  expect(nextSize(256 * KIB, 256 * KIB, mostOf(200))).toBe(mostOf(200));
});
