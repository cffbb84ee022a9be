"""A private OpenStack Swift with its S3 interface: Debian's own Swift, one device in a temporary folder, on 127.0.0.1.

* Four servers (proxy, account, container, object) as in production, one process each; one replica.
* One key, `test:tester`; its secret is made anew for each server.
* Swift keeps metadata in extended attributes: the folder must lie where users may set them (ext4, xfs, overlay, tmpfs
  since Linux 6.6). The first of several places that can is taken; if none can, the error says so.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import boto3
from botocore.config import Config

from tests.servers.process import ServerError, ServerProcess

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Server = Literal["proxy", "account", "container", "object"]
KEY = "test:tester"
REGION = "us-east-1"
_PYTHON = "/usr/bin/python3"
_LAUNCHER = Path(__file__).with_name("swift_launcher.py")
_PLACES = (Path("/dev/shm"), Path("/var/tmp"), Path.cwd())  # noqa: S108 - only folders of our own are made there


class SwiftServer:
    """One cluster. `folder` is its own; `secret` belongs to the key `KEY`."""

    def __init__(self, folder: Path) -> None:
        if subprocess.run([_PYTHON, "-c", "import swift"], capture_output=True, check=False).returncode:
            raise ServerError(f"expected OpenStack Swift for {_PYTHON}, found none: apt-get install python3-swift")
        self.folder, self.log, self.secret = folder, folder / "log", secrets.token_hex(16)
        self.endpoint = ""
        self._process: ServerProcess | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Start all four and wait until the proxy answers. After `stop`: the same address, the same objects."""
        known = self.folder / "servers.json"
        before = known.stat().st_mtime_ns if known.exists() else 0
        self._process = ServerProcess(
            [_PYTHON, "-I", "-B", _LAUNCHER, self.folder, KEY, self.secret],
            log=self.log,
            stop=signal.SIGTERM,
            remove=self.folder,
        )
        self._process.until(lambda: known.exists() and known.stat().st_mtime_ns != before, "Swift's four servers")
        self.endpoint = f"http://127.0.0.1:{self._servers()['proxy']['port']}"
        self._process.until(self._answers, "a Swift that is healthy")

    def _servers(self) -> dict[Server, dict[str, int]]:
        found: dict[Server, dict[str, int]] = json.loads((self.folder / "servers.json").read_text("ascii"))
        return found

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.endpoint}/healthcheck", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def pid(self, server: Server) -> int:
        return self._servers()[server]["pid"]

    def kill(self, server: Server) -> None:
        """SIGKILL to one of the four; `stop` and `start` bring it back."""
        os.kill(self.pid(server), signal.SIGKILL)

    def stop(self) -> None:
        """End all four at once (SIGKILL): Swift promises what it has acknowledged, however it ends."""
        if self._process is not None:
            self._process.end()

    @contextmanager
    def paused(self, server: Server) -> Iterator[None]:
        """The server takes connections but does not answer."""
        os.kill(self.pid(server), signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid(server), signal.SIGCONT)

    def client(self) -> S3Client:
        """A client of the S3 interface with all rights, for the test itself."""
        return boto3.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=self.secret,
            config=Config(proxies={}, s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )

    def create_bucket(self, *, public: bool = False, versioned: bool = False) -> str:
        """A new bucket; its name. `public`: everybody may read it at `address`."""
        name = f"bucket-{uuid.uuid4().hex}"
        client = self.client()
        client.create_bucket(Bucket=name)
        if public:
            client.put_bucket_acl(Bucket=name, ACL="public-read")
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def address(self, bucket: str) -> str:
        """Where a browser finds a public bucket."""
        return f"{self.endpoint}/v1/AUTH_{KEY.partition(':')[0]}/{bucket}"

    def close(self) -> None:
        """End it and delete the folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def swift_server(*, below: Path | None = None) -> Iterator[SwiftServer]:
    """A running cluster, gone afterwards.

    Args:
        below: the folder to make its folder in.

    Raises:
        ServerError: extended attributes can't be set there, or Swift is not installed.
    """
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-swift-", dir=below or _place()))
    try:
        server = SwiftServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path:
    places = (Path(tempfile.gettempdir()), *_PLACES)
    for place in places:
        if place.is_dir() and _takes_attributes(place):
            return place
    raise ServerError(
        f"expected a file system with extended user attributes below one of {', '.join(map(str, places))}, found none: "
        "set TMPDIR to a folder on ext4, xfs, or tmpfs of Linux 6.6 or newer"
    )


def _takes_attributes(place: Path) -> bool:
    try:
        with tempfile.NamedTemporaryFile(dir=place) as file:
            os.setxattr(file.name, "user.counterfoil", b"1")
    except OSError:
        return False
    return True
