// Containers belong to one session of the launcher. One that was killed could not remove its own; the next does.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { dirname } from "node:path";

/** The name of this cell in container names, made once and kept beside its data: other cells may share the engine. */
export function cellName(path) {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `edge-${randomBytes(4).toString("hex")}`);
  }
  return readFileSync(path, "utf8");
}

/** Removes every container of the cell from the engine behind `socketPath`. Nodes go before the sidecars they use. */
export async function removeLeftovers(socketPath, cell) {
  const containers = JSON.parse(await call(socketPath, "GET", "/containers/json?all=1"));
  const ours = containers.filter(({ Names }) => Names.some((name) => name.includes(`-${cell}-`)));
  const isSidecar = ({ Names }) => Names.some((name) => name.endsWith("-proxy"));
  const remove = ({ Id }) => call(socketPath, "DELETE", `/containers/${Id}?force=true`);
  await Promise.all(ours.filter((container) => !isSidecar(container)).map(remove));
  await Promise.all(ours.filter(isSidecar).map(remove));
}

function call(socketPath, method, path) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (part) => {
        body += part;
      });
      answer.on("end", () => {
        const gone = method === "DELETE" && answer.statusCode === 404;
        if (answer.statusCode < 300 || gone) resolve(body);
        else reject(new Error(`the container engine answered ${answer.statusCode} to ${method} ${path}: ${body}`));
      });
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
