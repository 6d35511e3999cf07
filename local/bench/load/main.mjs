// The load driver: reads one job a line on standard input, answers one line of JSON each, ends with its input.
// The same process drives the product and what it is held against, so that its own cost is the same on both sides.
import { createInterface } from "node:readline";
import * as events from "./events.mjs";
import * as rates from "./rates.mjs";
import * as readers from "./readers.mjs";
import * as tunnel from "./tunnel.mjs";

const LONGEST_MS = 60_000;
const JOBS = { ...rates, ...readers, ...tunnel, ...events };

for await (const line of createInterface({ input: process.stdin })) {
  const { job, ...order } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ told: await Promise.race([JOBS[job](order), tooLong()]) }));
  } catch (error) {
    console.log(JSON.stringify({ failed: `${job}: ${error.stack}` }));
  }
}
process.exit(0);

function tooLong() {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(`not done within ${LONGEST_MS} ms`)), LONGEST_MS).unref();
  });
}
