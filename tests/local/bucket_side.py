"""`repository.internal` as the stand-in indexer meets it, kept in memory: what the Worker's door to it answers."""

import re
import xml.etree.ElementTree as ElementTree
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from local.web.messages import Request, Response

S3 = "http://s3.amazonaws.com/doc/2006-03-01/"
XML = {"content-type": "application/xml"}


class BucketSide:
    """Objects by key; `written` has the keys of every write, `refused` is answered in place of everything."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: list[bytes] = []
        self.written: list[str] = []
        self.refused = 0

    async def answer(self, request: Request) -> Response:
        address = urlsplit(request.target)
        key = address.path.removeprefix("/snapshots/")
        query = {name: values[0] for name, values in parse_qs(address.query, keep_blank_values=True).items()}
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=")
        if self.refused:
            return Response(self.refused, b"<Error><Code>SlowDown</Code></Error>", XML)
        call = next((word for word in ("list-type", "delete", "uploads", "uploadId") if word in query), "object")
        return getattr(self, f"{request.method.lower()}_{call}".replace("-", "_").lower())(key, query, request)

    def put_object(self, key: str, query: dict[str, str], request: Request) -> Response:
        self.written.append(key)
        self.objects[key] = unframed(request)
        return Response(200, b"", {"etag": '"x"'})

    def get_object(self, key: str, query: dict[str, str], request: Request) -> Response:
        if key not in self.objects:
            return Response(404, b"<Error><Code>NoSuchKey</Code></Error>", XML)
        return Response(200, self.objects[key])

    def get_list_type(self, key: str, query: dict[str, str], request: Request) -> Response:
        """Two a page."""
        found = [name for name in sorted(self.objects) if name.startswith(query["prefix"])]
        rest = [name for name in found if name > query.get("continuation-token", "")]
        listed = "".join(f"<Contents><Key>{escape(name)}</Key></Contents>" for name in rest[:2])
        more = f"<NextContinuationToken>{rest[1]}</NextContinuationToken>" if len(rest) > 2 else ""
        return Response(200, f'<ListBucketResult xmlns="{S3}">{listed}{more}</ListBucketResult>'.encode(), XML)

    def post_delete(self, key: str, query: dict[str, str], request: Request) -> Response:
        for found in ElementTree.fromstring(request.body).iter(f"{{{S3}}}Key"):
            self.objects.pop(found.text or "", None)
        return Response(200, f'<DeleteResult xmlns="{S3}"/>'.encode(), XML)

    def post_uploads(self, key: str, query: dict[str, str], request: Request) -> Response:
        self.parts = []
        begun = f'<InitiateMultipartUploadResult xmlns="{S3}"><UploadId>u</UploadId></InitiateMultipartUploadResult>'
        return Response(200, begun.encode(), XML)

    def put_uploadid(self, key: str, query: dict[str, str], request: Request) -> Response:
        self.parts.append(unframed(request))
        assert query["partNumber"] == str(len(self.parts))
        return Response(200, b"", {"etag": f'"{len(self.parts)}"'})

    def post_uploadid(self, key: str, query: dict[str, str], request: Request) -> Response:
        numbers = re.findall(rb"<PartNumber>(\d+)</PartNumber><ETag>&quot;(\d+)&quot;</ETag>", request.body)
        assert [(str(at).encode(),) * 2 for at in range(1, len(self.parts) + 1)] == numbers
        self.written.append(key)
        self.objects[key] = b"".join(self.parts)
        return Response(200, f'<CompleteMultipartUploadResult xmlns="{S3}"/>'.encode(), XML)


def unframed(request: Request) -> bytes:
    """The content of a body in aws-chunked."""
    content, rest = b"", request.body
    while True:
        head, rest = rest.split(b"\r\n", 1)
        size = int(head.split(b";")[0], 16)
        assert re.fullmatch(rb"[0-9a-f]+;chunk-signature=[0-9a-f]{64}", head)
        content, rest = content + rest[:size], rest[size + 2 :]
        if size == 0:
            assert len(content) == int(request.headers["x-amz-decoded-content-length"])
            return content
