"""A bucket of any server that speaks S3, by keys: requests, limits of time, and errors as our own sentences.

Leaves out what the objects are (`s3`: objects by hash; `site`: a publication).

* The address of a bucket is a setting, `s3+https://host:port/bucket/prefix?region=name`; the two secrets are files in
  `keys/`. Nothing comes from the environment or from files of the user's home.
* Plain http only to this machine: unmasked pictures never cross a network in clear.
* Path-style addresses, which every such server understands. What is sent is signed with its SHA-256, so that a server
  refuses what was changed on the way.
* Bounded: 5 s to connect, 20 s without a byte, three attempts. Sentences hold the place and the server's error code,
  never what the server wrote: some servers repeat the signed request there.
* A client must not cross a fork: make the bucket in the process that uses it.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, SSLError

from counterfoil.primitives.errors import InputError
from counterfoil.record.keys import read_secret
from counterfoil.workflow.stores import StoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_S, READ_S, ATTEMPTS = 5, 20, 3
CONNECTIONS = 16
"""As many as a web process has threads."""
PAGE = 1000
"""Keys in one answer; no server gives more."""
_ABSENT = {"404", "NoSuchKey", "NotFound"}
_BUSY = {"SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "OperationAborted", "429"}
_DAMAGED = {"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"}
_NO_SURPRISES = {  # (name in a file, names in the environment, value, type)
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
_NO_VERSIONS = {"NotImplemented", "MethodNotAllowed", "405", "501"}


@dataclass(frozen=True)
class Place:
    """Where a bucket is. `prefix` is empty or ends in `/`."""

    endpoint: str
    bucket: str
    prefix: str = ""
    region: str = "us-east-1"

    @classmethod
    def parse(cls, address: str) -> Place:
        """From the setting.

        Raises:
            InputError: not such an address, one with a secret in it, or http to another machine.
        """
        parts = urlsplit(address)
        bucket, _, prefix = unquote(parts.path).strip("/").partition("/")
        region = parse_qs(parts.query).get("region", ["us-east-1"])[0]
        if parts.username is not None or parts.password is not None:
            raise _bad_address("no name and no password in it", "one", "put the secrets into files below keys/")
        if parts.scheme not in ("s3+https", "s3+http") or not parts.hostname or not bucket or parts.fragment:
            raise _bad_address("s3+https://host:port/bucket/prefix", repr(address[:200]))
        if parts.scheme == "s3+http" and not _here(parts.hostname):
            raise _bad_address("s3+https for another machine", f"s3+http://{parts.hostname}")
        return cls(f"{parts.scheme.removeprefix('s3+')}://{parts.netloc}", bucket, prefix and f"{prefix}/", region)


def check_apart(private: str, public: str) -> None:
    """The two addresses are of two buckets: a bucket is made public as a whole.

    Raises:
        InputError: they are of one, whatever their prefixes; or see `Place.parse`.
    """
    one, other = Place.parse(private), Place.parse(public)
    if (one.endpoint, one.bucket) == (other.endpoint, other.bucket):
        raise InputError(
            "the addresses of buckets",
            expected="one bucket for private pictures and another for the site",
            found=f"{one.bucket!r} for both",
            do="make a second bucket",
            code="bad-setting",
        )


def _bad_address(expected: str, found: str, do: str = "") -> InputError:
    return InputError("the address of a bucket", expected=expected, found=found, do=do, code="bad-setting")


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Listed:
    """`etag` is whatever the server says: the MD5 of what was sent on most servers, as hex digits."""

    key: str
    size: int
    etag: str


class Bucket:
    """One bucket, below one prefix; keys come and go without the prefix. Every method raises `StoreError`."""

    def __init__(self, place: Place, key_id: str, secret: str) -> None:
        self.place = place
        session = botocore.session.Session(session_vars=_NO_SURPRISES)
        self._s3: S3Client = boto3.Session(botocore_session=session).client(
            "s3",
            endpoint_url=place.endpoint,
            region_name=place.region,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=Config(
                connect_timeout=CONNECT_S,
                read_timeout=READ_S,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                max_pool_connections=CONNECTIONS,
                proxies={},
                s3={"addressing_style": "path", "payload_signing_enabled": True},
                request_checksum_calculation="when_required",  # the others are unknown to most servers
                response_checksum_validation="when_required",
            ),
        )

    @classmethod
    def of(cls, address: str, keys: Path, name: str) -> Bucket:
        """The bucket at `address`, with the key in `<keys>/<name>.id` and `<keys>/<name>.secret`.

        Raises:
            InputError: see `Place.parse`.
            RecordError: a file is missing, or others may read it.
        """
        key_id, secret = (read_secret(keys, f"{name}.{part}").decode("utf-8").strip() for part in ("id", "secret"))
        return cls(Place.parse(address), key_id, secret)

    def below(self, part: str) -> Bucket:
        """The part of it below `part`; it shares the connections."""
        made = object.__new__(Bucket)
        made.place, made._s3 = replace(self.place, prefix=f"{self.place.prefix}{part}/"), self._s3
        return made

    def where(self, key: str = "") -> str:
        """A key's place, for sentences."""
        return f"{self.place.endpoint}/{self.place.bucket}/{self.place.prefix}{key}"

    def put(self, key: str, data: bytes, *, kind: str = "application/octet-stream", cache: str = "no-store") -> None:
        """Store under `key`, over what is there.

        Args:
            kind: the Content-Type that readers get.
            cache: their Cache-Control.
        """
        with self._failing("put", key):
            self._s3.put_object(
                Bucket=self.place.bucket,
                Key=self.place.prefix + key,
                Body=data,
                ContentType=kind,
                CacheControl=cache,
            )

    def get(self, key: str) -> bytes | None:
        """The bytes under `key`, None if there are none."""
        with self._failing("get", key):
            try:
                found = self._s3.get_object(Bucket=self.place.bucket, Key=self.place.prefix + key)
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise
            with found["Body"] as body:
                return body.read()

    def has(self, key: str) -> bool:
        return self._head(key) or self._absent()

    def _head(self, key: str) -> bool:
        with self._failing("head", key):
            try:
                self._s3.head_object(Bucket=self.place.bucket, Key=self.place.prefix + key)
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return False
                raise
            return True

    def _absent(self) -> Literal[False]:
        """The answer to a HEAD has no body: only the bucket's own tells a missing object from a missing bucket."""
        with self._failing("head", ""):
            try:
                self._s3.head_bucket(Bucket=self.place.bucket)
            except ClientError as error:
                if _code(error) in _ABSENT:
                    raise self._error("no-bucket", False, "", "no such bucket", _MAKE) from None
                raise
        return False

    def delete(self, key: str) -> None:
        """Take it away, with every older version of it.

        Raises:
            StoreError: also where versions remain, or where it can't be known that none does.
        """
        named = {"Bucket": self.place.bucket, "Key": self.place.prefix + key}
        with self._failing("delete", key):
            self._s3.delete_object(Bucket=named["Bucket"], Key=named["Key"])
            if self.versioned():
                for version in self._versions(key):
                    self._s3.delete_object(Bucket=named["Bucket"], Key=named["Key"], VersionId=version)
                if self._versions(key):
                    raise self._error("versions-remain", False, key, "older versions that can still be had", _UNVERSION)
            if self._head(key):
                raise self._error("store-busy", True, key, "the object after its deletion", "try again")

    def versioned(self) -> bool:
        """Whether the bucket keeps, or ever kept, what is deleted."""
        with self._failing("ask for versions", ""):
            try:
                found = self._s3.get_bucket_versioning(Bucket=self.place.bucket)
            except ClientError as error:
                if _code(error) in _NO_VERSIONS:
                    return False
                raise
            return found.get("Status") is not None

    def _versions(self, key: str) -> list[str]:
        full = self.place.prefix + key
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self.place.bucket, Prefix=full)
        return [
            item["VersionId"]
            for page in pages
            for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            if item["Key"] == full
        ]

    def list(self) -> Iterator[Listed]:
        """What is there, in the order of keys."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.place.bucket, Prefix=self.place.prefix, PaginationConfig={"PageSize": PAGE}
        )
        with self._failing("list", ""):
            for page in pages:
                for item in page.get("Contents", ()):
                    yield Listed(item["Key"][len(self.place.prefix) :], item["Size"], item["ETag"].strip('"'))

    def _error(self, code: str, passing: bool, key: str, found: str, do: str) -> StoreError:
        return StoreError(f"{self.where(key)}: found {found}; {do}", code=code, passing=passing)

    @contextmanager
    def _failing(self, doing: str, key: str) -> Iterator[None]:
        """The client's errors as ours. Their own texts stay out: they may repeat what was signed."""
        try:
            yield
        except ClientError as error:
            raise self._refusal(doing, key, error) from None
        except SSLError:
            raise self._error(
                "store-refused", False, key, "a certificate that is not trusted", "mend the certificate or the address"
            ) from None
        except (HTTPClientError, BotoCoreError, OSError) as error:
            found = f"no connection or no whole answer ({type(error).__name__}) to {doing}"
            raise self._error("store-unreachable", True, key, found, "try again, or see to the server") from None

    def _refusal(self, doing: str, key: str, error: ClientError) -> StoreError:
        code = _code(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        found = f"the answer {status} {code} to {doing}"
        if code == "NoSuchBucket":
            return self._error("no-bucket", False, "", found, _MAKE)
        if status == 507:
            return self._error("store-full", True, key, found, "make space")
        if code in _DAMAGED:
            return self._error(
                "store-damaged", True, key, found, "something on the way changes what is sent: try again"
            )
        if code in _BUSY or status in (408, 429) or status >= 500:
            return self._error("store-busy", True, key, found, "try again, or see to the server")
        if code == "RequestTimeTooSkewed":
            return self._error("store-refused", False, key, found, "set this machine's clock")
        return self._error("store-refused", False, key, found, "see to the key and its rights")


_MAKE = "make the bucket or mend the setting"
_UNVERSION = "switch versioning off for this bucket or give the key the right to delete versions"


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
