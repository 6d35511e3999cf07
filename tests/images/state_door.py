"""`state.internal` as the images meet it: what `worker/src/gates/state.ts` answers, kept in memory."""

import hashlib
import http.server
import json
import threading
from typing import Any


class StateDoor:
    """`refused` are paths' beginnings that are answered 503; `repository` is what an indexer has in S3, by name."""

    def __init__(self) -> None:
        self.repository: dict[str, Any] = {}
        self.damaged = False
        self.files: dict[str, bytes] = {}
        self.archives: list[dict[str, Any]] = []
        self.sent: list[str] = []
        self.told: list[tuple[str, int]] = []
        self.broken: set[int] = set()
        self.refused: set[str] = set()
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, answer = door.answer(self.command, self.path, body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = handle_one

            def log_message(self, *args) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if any(path.startswith(beginning) for beginning in self.refused):
            return 503, {"code": "STATE_NOT_SAVED", "message": "The archive does not answer."}
        _, verb, *rest = path.split("/")
        return getattr(self, f"{method.lower()}_{verb}")(body, *rest)

    def get_latest(self, body: bytes) -> tuple[int, Any]:
        usable = [archive for archive in self.archives if archive["number"] not in self.broken]
        return (200, usable[-1]) if usable else (404, {"message": "There is no archive; start empty."})

    def get_files(self, body: bytes, sha256: str) -> tuple[int, Any]:
        return (200, self.files[sha256]) if sha256 in self.files else (404, {"message": "There is no such file."})

    def put_files(self, body: bytes, sha256: str) -> tuple[int, Any]:
        self.sent.append(sha256)
        if hashlib.sha256(body).hexdigest() != sha256:
            return 422, {"message": "The file has another checksum than was announced."}
        self.files[sha256] = body
        return 201, {"stored": True}

    def post_archives(self, body: bytes) -> tuple[int, Any]:
        files = json.loads(body)["files"]
        missing = [file for file in files if len(self.files.get(file["sha256"], b"-")) != file["bytes"]]
        if missing:
            return 422, {"message": f"The file {missing[0]['name']} is not stored."}
        self.archives.append({"number": len(self.archives) + 1, "files": files})
        return 201, {"number": len(self.archives), "sha256": "x"}

    def post_snapshots(self, body: bytes) -> tuple[int, Any]:
        if self.damaged and self.repository:
            return 422, {"message": "An object is not stored."}
        self.archives.append({"number": len(self.archives) + 1, "files": [], "repository": dict(self.repository)})
        return 201, {"number": len(self.archives), "sha256": "x"}

    def post_front(self, body: bytes) -> tuple[int, Any]:
        number = json.loads(body)["number"]
        self.repository, self.damaged = dict(self.archives[number - 1]["repository"]) if number else {}, False
        return 200, {"number": number}

    def post_restored(self, body: bytes) -> tuple[int, Any]:
        self.told.append(("restored", json.loads(body)["number"]))
        return 200, {"noted": True}

    def post_unusable(self, body: bytes) -> tuple[int, Any]:
        number = json.loads(body)["number"]
        self.told.append(("unusable", number))
        self.broken.add(number)
        return 200, {"noted": True}

    def add(self, files: dict[str, bytes]) -> None:
        """An archive that was made elsewhere."""
        listed = []
        for name, content in files.items():
            sha256 = hashlib.sha256(content).hexdigest()
            self.files[sha256] = content
            listed.append({"name": name, "sha256": sha256, "bytes": len(content)})
        self.archives.append({"number": len(self.archives) + 1, "files": listed})
