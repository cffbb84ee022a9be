"""The bucket: what goes wrong on the way, at the server and in the settings, and what is said about it."""

from __future__ import annotations

import secrets
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from counterfoil.primitives.canonical import sha256_hex
from counterfoil.primitives.errors import InputError, RecordError
from counterfoil.record.layout import object_path
from counterfoil.storage.objects import Bucket, S3Store, s3
from counterfoil.storage.objects import bucket as bucket_module
from counterfoil.storage.objects.bucket import Place, check_apart
from counterfoil.workflow.stores import StoreError
from tests.servers.swift import KEY, SwiftServer
from tests.storage_objects.conftest import bucket_of

PICTURE = b"photo" * 60_000
NAME = sha256_hex(PICTURE)


def everything(store: S3Store) -> Iterator[StoreError]:
    """What each of the store's methods raises."""
    asks: list[Callable[[], object]] = [
        lambda: store.put(PICTURE),
        lambda: store.get(NAME),
        lambda: store.has(NAME),
        lambda: store.delete(NAME),
        lambda: list(store.names()),
    ]
    for ask in asks:
        with pytest.raises(StoreError) as raised:
            ask()
        yield raised.value


def test_an_unknown_bucket_is_no_empty_store(swift: SwiftServer, tmp_path: Path) -> None:
    for error in everything(S3Store(bucket_of(swift, tmp_path / "keys", "nobody-made-this"))):
        assert (error.code, error.passing) == ("no-bucket", False)
        assert "nobody-made-this" in str(error)


def test_a_wrong_key_is_said_without_a_secret(swift: SwiftServer, tmp_path: Path) -> None:
    old = secrets.token_hex(16)
    store = S3Store(bucket_of(swift, tmp_path / "keys", swift.create_bucket(), secret=old))
    for error in everything(store):
        assert (error.code, error.passing) == ("store-refused", False)
        shown = "".join(traceback.format_exception(error))
        assert old not in shown
        assert "Signature=" not in shown


def test_a_server_that_is_away_is_a_passing_matter(swift: SwiftServer, bucket: Bucket) -> None:
    away = Bucket(replace(bucket.place, endpoint="http://127.0.0.1:9"), KEY, swift.secret)
    for error in everything(S3Store(away)):
        assert (error.code, error.passing) == ("store-unreachable", True)


def test_a_server_that_does_not_answer_is_given_up(
    swift: SwiftServer, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "READ_S", 0.2)
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 1)
    hasty = S3Store(Bucket(bucket.place, KEY, swift.secret))
    with swift.paused("proxy"), pytest.raises(StoreError) as error:
        hasty.put(PICTURE)
    assert (error.value.code, error.value.passing) == ("store-unreachable", True)


@pytest.mark.parametrize("killed", ["proxy", "object"])
def test_killed_in_the_middle_of_a_put_nothing_half_is_there(
    swift: SwiftServer, bucket: Bucket, killed: Literal["proxy", "object"]
) -> None:
    store = S3Store(bucket)
    kept = store.put(b"acknowledged")["sha256"]
    arrived, killing_done = threading.Event(), threading.Event()

    def hold() -> None:
        arrived.set()
        killing_done.wait(30)

    with _relay(swift, hold) as endpoint, ThreadPoolExecutor(1) as pool:
        slow = S3Store(Bucket(replace(bucket.place, endpoint=endpoint), KEY, swift.secret))
        put = pool.submit(slow.put, PICTURE)
        assert arrived.wait(30)
        swift.kill(killed)
        killing_done.set()
        with pytest.raises(StoreError) as error:
            put.result()
        assert error.value.passing
    swift.stop()
    swift.start()
    assert list(store.names()) == [kept]
    assert not store.has(NAME)
    assert store.get(kept) == b"acknowledged"
    assert store.put(PICTURE)["sha256"] == NAME
    assert store.get(NAME) == PICTURE


def test_attack_bytes_changed_on_the_way_are_not_stored(swift: SwiftServer, bucket: Bucket) -> None:
    with _relay(swift, change=(b"photophoto", b"phot0photo")) as endpoint:
        store = S3Store(Bucket(replace(bucket.place, endpoint=endpoint), KEY, swift.secret))
        with pytest.raises(StoreError) as error:
            store.put(PICTURE)
        assert (error.value.code, error.value.passing) == ("store-damaged", True)
    assert list(S3Store(bucket).names()) == []


def test_attack_a_server_that_stores_other_bytes_is_not_believed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = bucket.put
    monkeypatch.setattr(bucket, "put", lambda key, data: honest(key, data[:-1]))
    with pytest.raises(StoreError) as error:
        S3Store(bucket).put(PICTURE)
    assert error.value.code == "object-differs"


def test_none_for_a_moment_is_asked_about_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Swift says of an object while another writer replaces it: none, and then that it is there."""
    honest, blinks = bucket.get, iter((True, True, False, True, False))
    monkeypatch.setattr(s3, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(bucket, "get", lambda key: None if next(blinks) else honest(key))
    store = S3Store(bucket)
    assert store.get(store.put(PICTURE)["sha256"]) == PICTURE


def test_an_object_that_went_away_again_was_not_stored(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(bucket, "put", lambda key, data: None)
    with pytest.raises(StoreError) as error:
        S3Store(bucket).put(PICTURE)
    assert (error.value.code, error.value.passing) == ("store-busy", True)


def test_deleting_from_a_versioned_bucket_leaves_no_version(swift: SwiftServer, tmp_path: Path) -> None:
    name = swift.create_bucket(versioned=True)
    bucket = bucket_of(swift, tmp_path / "keys", name)
    store = S3Store(bucket)
    assert bucket.versioned()
    for _ in range(2):
        store.put(PICTURE)
        store.delete(NAME)
    kept = store.put(b"another")["sha256"]
    found = swift.client().list_object_versions(Bucket=name)
    assert [one["Key"] for one in found["Versions"]] == [object_path(kept)]
    assert "DeleteMarkers" not in found


def test_a_version_that_cannot_be_deleted_is_said(
    swift: SwiftServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of this test has no locks on objects: we forget to name the version instead."""
    bucket = bucket_of(swift, tmp_path / "keys", swift.create_bucket(versioned=True))
    store = S3Store(bucket)
    store.put(PICTURE)
    client = bucket._s3
    honest = client.delete_object
    monkeypatch.setattr(client, "delete_object", lambda Bucket, Key, VersionId="": honest(Bucket=Bucket, Key=Key))  # noqa: N803
    with pytest.raises(StoreError, match="older versions that can still be had") as error:
        store.delete(NAME)
    assert (error.value.code, error.value.passing) == ("versions-remain", False)


def test_other_keys_in_the_bucket_are_no_objects(bucket: Bucket) -> None:
    store = S3Store(bucket)
    kept = store.put(PICTURE)["sha256"]
    for key in ("index.html", "ab/short", f"ab/{kept}", f"{kept[:2]}/{kept}.tmp"):
        bucket.put(key, b"x")
    assert list(store.names()) == [kept]


def test_more_than_a_page_of_names(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "PAGE", 5)
    names = sorted(sha256_hex(bytes([number])) for number in range(12))
    for name in names:
        bucket.put(object_path(name), b"")
    assert list(S3Store(bucket).names()) == names


def test_one_store_does_not_see_the_other(bucket: Bucket) -> None:
    one, other = S3Store(bucket.below("intake")), S3Store(bucket.below("pictures"))
    one.put(PICTURE)
    assert not other.has(NAME)
    assert list(other.names()) == []


def test_the_environment_of_the_server_changes_nothing(
    swift: SwiftServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, name = tmp_path / "home", swift.create_bucket()
    home.mkdir()
    (home / "config").write_text("[default]\nendpoint_url = http://127.0.0.1:9\n", "ascii")
    for variable, value in {
        "AWS_ACCESS_KEY_ID": "other",
        "AWS_SECRET_ACCESS_KEY": "other",
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_PROFILE": "nobody",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(variable, value)
    store = S3Store(bucket_of(swift, tmp_path / "keys", name))
    assert store.get(store.put(PICTURE)["sha256"]) == PICTURE


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("s3+https://s3.example:9000/election", Place("https://s3.example:9000", "election")),
        ("s3+https://s3.example/a/b/c/", Place("https://s3.example", "a", "b/c/")),
        ("s3+https://s3.example/a?region=eu-1", Place("https://s3.example", "a", region="eu-1")),
        ("s3+http://localhost:9000/a", Place("http://localhost:9000", "a")),
        ("s3+http://[::1]:9000/a", Place("http://[::1]:9000", "a")),
    ],
)
def test_an_address_is_read(address: str, place: Place) -> None:
    assert Place.parse(address) == place


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("https://s3.example/a", "expected s3"),
        ("s3+https://s3.example/", "expected s3"),
        ("s3+https:///a", "expected s3"),
        ("s3+http://s3.example/a", "expected s3.https for another machine"),
        ("s3+http://10.0.0.1/a", "expected s3.https for another machine"),
        ("s3+https://key:swordfish@s3.example/a", "no name and no password"),
    ],
)
def test_a_wrong_or_unsafe_address_is_refused(address: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as error:
        Place.parse(address)
    assert "swordfish" not in str(error.value)


def test_private_pictures_and_the_site_are_never_in_one_bucket() -> None:
    check_apart("s3+https://s3.example/private", "s3+https://s3.example/public")
    check_apart("s3+https://s3.example/same", "s3+https://elsewhere.example/same")
    with pytest.raises(InputError, match="make a second bucket"):
        check_apart("s3+https://s3.example/same/pictures", "s3+https://s3.example/same/site")


def test_a_secret_that_others_may_read_is_refused(swift: SwiftServer, tmp_path: Path) -> None:
    bucket_of(swift, tmp_path / "keys", "any-bucket")
    (tmp_path / "keys" / "objects.secret").chmod(0o644)
    with pytest.raises(RecordError, match=r"objects\.secret"):
        Bucket.of("s3+http://127.0.0.1/any-bucket", tmp_path / "keys", "objects")


def test_a_store_is_opened_from_the_setting(swift: SwiftServer, tmp_path: Path) -> None:
    name = swift.create_bucket()
    bucket_of(swift, tmp_path / "keys", name)
    store = S3Store.of(f"s3+{swift.endpoint}/{name}/election", "pictures", keys=tmp_path / "keys")
    store.put(PICTURE)
    listed = swift.client().list_objects_v2(Bucket=name)["Contents"]
    assert [item["Key"] for item in listed] == [f"election/pictures/{object_path(NAME)}"]


@contextmanager
def _relay(
    swift: SwiftServer, on_body: Callable[[], None] | None = None, change: tuple[bytes, bytes] | None = None
) -> Iterator[str]:
    """A network between client and server: it can hold up a body, or change it. Yields its address."""
    server = int(swift.endpoint.rpartition(":")[2])
    ended = threading.Event()

    def carry(client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", server)) as upstream:
            back = threading.Thread(target=_pump, args=(upstream, client, lambda data: data), daemon=True)
            back.start()
            _pump(client, upstream, changed)
            back.join()

    def changed(data: bytes) -> bytes:
        if on_body is not None and b"photophoto" in data:
            on_body()
        return data.replace(*change, 1) if change else data

    def accept() -> None:
        with suppress(OSError):
            while not ended.is_set():
                client, _ = listener.accept()
                threading.Thread(target=carry, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _pump(source: socket.socket, target: socket.socket, changed: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(changed(data))
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
