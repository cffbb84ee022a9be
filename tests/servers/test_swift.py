"""The private Swift does what tests rely on: S3 with real signatures, restarts with its objects, leaves nothing."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.servers.swift import SwiftServer, swift_server

REPOSITORY = Path(__file__).parents[2]


def test_an_object_goes_in_and_out(swift: SwiftServer) -> None:
    client, bucket = swift.client(), swift.create_bucket()
    client.put_object(Bucket=bucket, Key="a/b", Body=b"text")
    assert client.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"text"
    assert [item["Key"] for item in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/b"]
    client.delete_object(Bucket=bucket, Key="a/b")
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_attack_a_wrong_secret_is_refused(swift: SwiftServer) -> None:
    bucket, right = swift.create_bucket(), swift.secret
    swift.secret = "0" * 32
    try:
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            swift.client().list_objects_v2(Bucket=bucket)
    finally:
        swift.secret = right


def test_only_a_public_bucket_is_read_without_a_key(swift: SwiftServer) -> None:
    private, public = swift.create_bucket(), swift.create_bucket(public=True)
    for bucket in (private, public):
        swift.client().put_object(Bucket=bucket, Key="page", Body=b"text")
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with browser.open(f"{swift.address(public)}/page", timeout=10) as answer:
        assert answer.read() == b"text"
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        browser.open(f"{swift.address(private)}/page", timeout=10)
    refused.value.close()


def test_a_versioned_bucket_keeps_what_was_deleted(swift: SwiftServer) -> None:
    client, bucket = swift.client(), swift.create_bucket(versioned=True)
    client.put_object(Bucket=bucket, Key="a", Body=b"text")
    client.delete_object(Bucket=bucket, Key="a")
    assert len(client.list_object_versions(Bucket=bucket)["Versions"]) == 1


def test_it_starts_again_at_the_same_address_with_its_objects() -> None:
    with swift_server() as server:
        bucket, endpoint = server.create_bucket(), server.endpoint
        server.client().put_object(Bucket=bucket, Key="a", Body=b"text")
        server.kill("object")
        server.stop()
        assert not server.running
        server.start()
        assert server.endpoint == endpoint
        assert server.client().get_object(Bucket=bucket, Key="a")["Body"].read() == b"text"


def test_a_killed_test_run_leaves_neither_process_nor_folder() -> None:
    script = (
        "from tests.servers.swift import swift_server\nimport time\n"
        "with swift_server() as s:\n    print(s.pid('proxy'), s.pid('object'), s.folder, flush=True)\n"
        "    time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        proxy, object_server, folder = run.stdout.readline().split()
        run.kill()
    left = [Path(f"/proc/{proxy}"), Path(f"/proc/{object_server}"), Path(folder)]
    gone_by = time.monotonic() + 30
    while any(path.exists() for path in left) and time.monotonic() < gone_by:
        time.sleep(0.05)
    assert [path for path in left if path.exists()] == []
