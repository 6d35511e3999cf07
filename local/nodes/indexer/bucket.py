"""The S3 client of the stand-in: the calls that `repository-s3` makes with AWS's SDK, path style over plain HTTP.

Requests look as the SDK's do: a signature's header, bodies in `aws-chunked` with a signature for each chunk, large ones
in parts. The signatures are made of nothing: what answers knows the container by the way that its requests take.
"""

import datetime as dt
import hashlib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from local.web.client import Reply, RequestFailed, request

NAMESPACE = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}
SECONDS = 600.0
FRAME = 128 * 1024
PART = 16 * 1024 * 1024
"""As the image sets `buffer_size`: what is larger is sent in parts of this many bytes."""


class BucketFailed(Exception):
    """The bucket did not do it; `status` 0: it did not answer."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Bucket:
    """One bucket at an endpoint such as `http://repository.internal`. Every call raises BucketFailed."""

    endpoint: str
    name: str
    proxy: str | None = None

    async def put(self, key: str, path: Path) -> None:
        """Writes a file's content, in parts where it is large."""
        with path.open("rb") as file:
            first = file.read(PART)
            rest = iter(lambda: file.read(PART), b"")
            if len(first) < PART:
                await self._call("PUT", key, body=first)
            else:
                await self._put_parts(key, first, rest)

    async def put_bytes(self, key: str, content: bytes) -> None:
        await self._call("PUT", key, body=content)

    async def get(self, key: str) -> bytes:
        return (await self._call("GET", key)).body

    async def names(self, prefix: str) -> list[str]:
        """Every key with the prefix, in order."""
        found: list[str] = []
        query = {"list-type": "2", "prefix": prefix}
        while True:
            page = _xml(await self._call("GET", "", query))
            found += [key.text or "" for key in page.iterfind("s3:Contents/s3:Key", NAMESPACE)]
            token = page.findtext("s3:NextContinuationToken", namespaces=NAMESPACE)
            if not token:
                return found
            query["continuation-token"] = token

    async def delete(self, keys: list[str]) -> None:
        for at in range(0, len(keys), 1000):
            listed = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys[at : at + 1000])
            order = f'<Delete xmlns="{NAMESPACE["s3"]}"><Quiet>true</Quiet>{listed}</Delete>'
            await self._call("POST", "", {"delete": ""}, order.encode(), framed=False)

    async def _put_parts(self, key: str, first: bytes, rest: Iterator[bytes]) -> None:
        begun = _xml(await self._call("POST", key, {"uploads": ""}, framed=False))
        upload = begun.findtext("s3:UploadId", "", NAMESPACE)
        listed = [await self._put_part(key, upload, 1, first)]
        for number, part in enumerate(rest, 2):
            listed.append(await self._put_part(key, upload, number, part))
        order = f"<CompleteMultipartUpload>{''.join(listed)}</CompleteMultipartUpload>"
        await self._call("POST", key, {"uploadId": upload}, order.encode(), framed=False)

    async def _put_part(self, key: str, upload: str, number: int, part: bytes) -> str:
        reply = await self._call("PUT", key, {"partNumber": str(number), "uploadId": upload}, part)
        etag = reply.headers["etag"].replace('"', "&quot;")
        return f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"

    async def _call(
        self, method: str, key: str, query: dict[str, str] | None = None, body: bytes = b"", *, framed: bool = True
    ) -> Reply:
        url = f"{self.endpoint.rstrip('/')}/{self.name}/{key}" + (f"?{urlencode(query)}" if query else "")
        content, headers = _framed(body) if framed and method == "PUT" else (body, {})
        signed = _signed(headers.pop("x-amz-content-sha256", hashlib.sha256(body).hexdigest()))
        try:
            reply = await request(
                method, url, headers=signed | headers, body=content, proxy=self.proxy, timeout=SECONDS
            )
        except RequestFailed as error:
            raise BucketFailed(str(error)) from error
        if reply.status >= 300:
            raise BucketFailed(f"{method} {key} was answered {reply.status}: {_code(reply)}", reply.status)
        return reply


def _signed(content: str) -> dict[str, str]:
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"stand-in/{now[:8]}/us-east-1/s3/aws4_request"
    fields = "SignedHeaders=host;x-amz-content-sha256;x-amz-date"
    signature = hashlib.sha256(f"{now}{content}".encode()).hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={scope}, {fields}, Signature={signature}"
    return {"authorization": authorization, "x-amz-date": now, "x-amz-content-sha256": content}


def _framed(body: bytes) -> tuple[bytes, dict[str, str]]:
    pieces = [body[at : at + FRAME] for at in range(0, len(body), FRAME)]
    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": str(len(body)),
    }
    return b"".join(_frame(piece) for piece in [*pieces, b""]), headers


def _frame(piece: bytes) -> bytes:
    return b"%x;chunk-signature=%s\r\n%s\r\n" % (len(piece), hashlib.sha256(piece).hexdigest().encode(), piece)


def _xml(reply: Reply) -> ElementTree.Element:
    return ElementTree.fromstring(reply.body)  # noqa: S314 - the gate's own words


def _code(reply: Reply) -> str:
    try:
        return _xml(reply).findtext("Code", "")
    except ElementTree.ParseError:
        return reply.body[:200].decode(errors="replace")
