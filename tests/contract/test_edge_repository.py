"""
The repository of a tenant's indexers as a client of S3 meets it that is not ours (boto3), on the way that the requests
of an indexer's container take: the engine's egress, the gate on workerd, R2.
"""

import hashlib
import io
import secrets
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.contract.edge_process import Edge
from tests.contract.edge_state import lose, node_of, sealed_everywhere
from tests.contract.edge_visitors import await_running, new_tenant
from tests.contract.test_edge_backups import back_up

pytestmark = pytest.mark.stack

MIB = 1024 * 1024
PLACE: dict[str, Any] = {"Bucket": "snapshots"}
KEY = PLACE | {"Key": "indices/Ab-_9/0/__part0"}
PARTS = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=3)


@pytest.fixture(scope="module")
def tenant(edge: Edge) -> str:
    made = new_tenant(edge)
    await_running(edge, made)
    return made


@pytest.fixture
def s3(edge: Edge, tenant: str) -> Any:
    return client(edge, tenant)


def client(edge: Edge, tenant: str, role: str = "indexer", scheme: str = "http") -> Any:
    """As a container of the tenant: its requests leave by that container's own way."""
    proxies = {"http": node_of(edge, tenant, role).environment["HTTP_PROXY"]}
    config = Config(proxies=proxies, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    names = {"region_name": "us-east-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}
    return boto3.client("s3", endpoint_url=f"{scheme}://repository.internal", config=config, **names)


def content(size: int) -> bytes:
    return secrets.token_bytes(MIB) * (size // MIB) + secrets.token_bytes(size % MIB)


def refused(call: Any, **arguments: Any) -> str:
    """The code of the error that a call is answered with."""
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    return str(failed.value.response["Error"]["Code"])


@pytest.mark.parametrize("size", [0, 5, 9 * MIB + 3])
def test_an_object_comes_back_whole_and_in_part(s3: Any, size: int) -> None:
    body = content(size)
    written = s3.put_object(**KEY, Body=body)
    assert written["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    head = s3.head_object(**KEY)
    assert (head["ContentLength"], head["ETag"]) == (size, written["ETag"])
    assert s3.get_object(**KEY)["Body"].read() == body
    if size:
        part = s3.get_object(**KEY, Range=f"bytes={size // 2}-{size - 1}")
        assert part["Body"].read() == body[size // 2 :]
        assert part["ContentRange"] == f"bytes {size // 2}-{size - 1}/{size}"


def test_a_body_in_aws_chunked_is_held_against_the_checksum_behind_it(edge: Edge, tenant: str) -> None:
    framed: list[dict[str, str]] = []

    def without_tls(request: Any, **_: Any) -> None:
        """The client sends frames where it believes in TLS, which would have ended before the gate."""
        request.url = request.url.replace("https://", "http://")
        framed.append(
            {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
        )

    s3 = client(edge, tenant, scheme="https")
    s3.meta.events.register("before-send.s3", without_tls)
    body = content(3 * MIB + 7)
    s3.put_object(**KEY, Body=body)
    assert framed[0]["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert framed[0]["X-Amz-Trailer"].startswith("x-amz-checksum-")
    assert s3.get_object(**KEY)["Body"].read() == body


def test_a_large_object_travels_in_parts(s3: Any) -> None:
    body = content(17 * MIB + 11)
    s3.upload_fileobj(io.BytesIO(body), *KEY.values(), Config=PARTS)
    head = s3.head_object(**KEY)
    assert (head["ContentLength"], head["ETag"][-3:]) == (len(body), '-4"')
    back = io.BytesIO()
    s3.download_fileobj(*KEY.values(), back, Config=PARTS)
    assert back.getvalue() == body
    upload = {**KEY, "UploadId": s3.create_multipart_upload(**KEY)["UploadId"]}
    s3.upload_part(**upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**upload)
    assert refused(s3.upload_part, **upload, PartNumber=1, Body=b"x") == "NoSuchUpload"
    assert s3.get_object(**KEY)["Body"].read() == body


def test_a_listing_goes_on_over_its_pages_and_what_is_deleted_is_gone(s3: Any) -> None:
    keys = [f"listed/{folder}/{name}" for folder in "abc" for name in range(3)]
    for key in keys:
        s3.put_object(**PLACE, Key=key, Body=key.encode())
    pages = s3.get_paginator("list_objects_v2")

    def listed(word: str, field: str, **more: Any) -> list[str]:
        found = pages.paginate(**PLACE, Prefix="listed/", PaginationConfig={"PageSize": 2}, **more)
        return [entry[field] for page in found for entry in page.get(word, [])]

    assert listed("Contents", "Key") == keys
    assert listed("CommonPrefixes", "Prefix", Delimiter="/") == ["listed/a/", "listed/b/", "listed/c/"]
    deleted = s3.delete_objects(**PLACE, Delete={"Objects": [{"Key": key} for key in keys[1:]]})
    assert [entry["Key"] for entry in deleted["Deleted"]] == keys[1:]
    s3.delete_object(**PLACE, Key="never-there")
    assert listed("Contents", "Key") == keys[:1]


def test_errors_have_the_codes_that_clients_know(s3: Any) -> None:
    s3.put_object(**KEY, Body=b"ten bytes!")
    assert refused(s3.get_object, **PLACE, Key="none") == "NoSuchKey"
    assert refused(s3.head_object, **PLACE, Key="none") == "404"
    assert refused(s3.get_object, **KEY, Range="bytes=10-") == "InvalidRange"
    assert refused(s3.put_object, **PLACE, Key="k" * 201, Body=b"") == "KeyTooLongError"
    assert refused(s3.get_object_acl, **KEY) == "NotImplemented"
    assert refused(s3.get_object, **KEY, IfMatch='"another"') == "PreconditionFailed"
    assert refused(s3.put_object, **KEY, Body=b"x", IfNoneMatch="*") == "NotImplemented"


def test_nobody_else_reaches_it_and_it_reaches_nothing_else(s3: Any, edge: Edge, tenant: str) -> None:
    s3.put_object(**KEY, Body=b"canary-of-the-repository")
    other = new_tenant(edge)
    await_running(edge, other)
    assert refused(client(edge, other).get_object, **KEY) == "NoSuchKey"
    assert refused(s3.get_object, Bucket=f"{other}", Key=KEY["Key"]) == "403"
    # The name means nothing to a manager: its gate has no such row.
    with pytest.raises(Exception, match=r"502|403"):
        client(edge, tenant, "manager").get_object(**KEY)
    assert sealed_everywhere(edge, "canary-of-the-repository")


def test_an_indexer_that_lost_its_disk_finds_what_its_archive_held_and_no_more(edge: Edge, tenant: str) -> None:
    before = client(edge, tenant)
    before.put_object(**PLACE, Key="extra/in-the-archive", Body=b"kept")
    back_up(edge, tenant)
    before.put_object(**PLACE, Key="extra/after-it", Body=b"never part of a snapshot")
    lose(edge, tenant, "indexer")
    after = client(edge, tenant)
    found = after.list_objects_v2(**PLACE, Prefix="extra/")["Contents"]
    assert [entry["Key"] for entry in found] == ["extra/in-the-archive"]
    assert after.get_object(**PLACE, Key="extra/in-the-archive")["Body"].read() == b"kept"
