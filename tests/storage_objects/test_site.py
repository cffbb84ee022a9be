"""A publication in a bucket of a real Swift: read by anybody over plain HTTP, and verified there."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from counterfoil.cli.web import WebReader
from counterfoil.primitives.errors import RecordError, Refusal
from counterfoil.record.manifest import MANIFEST
from counterfoil.record.note import Signer
from counterfoil.storage.objects import Bucket, Mirrored, frozen, mirror_site
from counterfoil.verify import verify_folder
from counterfoil.workflow.stores import StoreError
from tests.servers.swift import KEY, SwiftServer
from tests.storage_objects.conftest import bucket_of
from tests.verify.worlds import Published, publish


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def published(whole: Published) -> Published:
    """A part of it, signed again: enough to be copied."""
    part = Published({path: whole.files[path] for path in whole.files if _is_in_part(path)}, whole.signer)
    part.resign()
    older = {path: data for path, data in whole.older.items() if _is_in_part(path)} | {"gone.html": b"no longer"}
    before = Published(older, whole.signer)
    before.resign()
    part.older = before.files
    return part


def _is_in_part(path: str) -> bool:
    return path.startswith(("record/checkpoint", "record/tile/", "record/log", "copies/")) or path in (
        "index.html",
        "data/stations.csv",
        "data/coverage.csv",
    )


@pytest.fixture(scope="module")
def older(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Published(published.older, published.signer).write(tmp_path_factory.mktemp("older"))


@pytest.fixture
def site(published: Published, tmp_path: Path) -> Path:
    """The newer publication; the test may change it."""
    return published.write(tmp_path / "site")


@pytest.fixture
def public(swift: SwiftServer, tmp_path: Path) -> Bucket:
    return bucket_of(swift, tmp_path / "keys", swift.create_bucket(public=True), prefix="/2026")


def contents(bucket: Bucket) -> dict[str, bytes | None]:
    return {item.key: bucket.get(item.key) for item in bucket.list()}


def address(swift: SwiftServer, bucket: Bucket) -> str:
    return f"{swift.address(bucket.place.bucket)}/2026"


def test_anybody_verifies_it_over_the_web(swift: SwiftServer, public: Bucket, whole: Published, tmp_path: Path) -> None:
    for files in (whole.older, whole.files):
        mirror_site(Published(files, whole.signer).write(tmp_path / str(len(files))), public)
        report = verify_folder(WebReader(address(swift, public)), key=whole.signer.vkey)
        assert report.holds, report.first_failure
    assert contents(public) == whole.files


def test_only_what_changed_is_sent_and_what_is_gone_is_deleted(
    public: Bucket, published: Published, older: Path, site: Path
) -> None:
    done = mirror_site(older, public)
    assert done == Mirrored(len(published.older), 0, 0, sum(map(len, published.older.values())))
    done = mirror_site(site, public)
    same = {path for path, data in published.files.items() if published.older.get(path) == data}
    assert (done.sent, done.kept) == (len(published.files) - len(same), len(same))
    assert done.deleted == len(published.older.keys() - published.files.keys())
    assert contents(public) == published.files
    assert mirror_site(site, public) == Mirrored(0, len(published.files), 0, 0)


def test_a_browser_gets_each_file_as_what_it_is(swift: SwiftServer, public: Bucket, site: Path) -> None:
    mirror_site(site, public)
    expected = {
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "data/stations.csv": ("text/csv; charset=utf-8", "no-cache"),
        "record/checkpoint": ("text/plain; charset=utf-8", "no-cache"),
        next(path.relative_to(site).as_posix() for path in (site / "record" / "tile").rglob("*") if path.is_file()): (
            "application/octet-stream",
            "public, max-age=31536000, immutable",
        ),
    }
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path, (kind, cache) in expected.items():
        with browser.open(f"{address(swift, public)}/{path}", timeout=10) as answer:
            assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (kind, cache)
            assert answer.read() == (site / path).read_bytes()


def test_attack_a_stray_file_never_becomes_public(public: Bucket, published: Published, site: Path) -> None:
    (site / "keys").mkdir()
    (site / "keys" / "log.key").write_bytes(b"secret")
    mirror_site(site, public)
    assert contents(public) == published.files


def test_attack_a_file_that_is_not_as_signed_is_not_sent(public: Bucket, published: Published, site: Path) -> None:
    (site / "index.html").write_bytes(b"forged")
    with pytest.raises(StoreError, match=r"index\.html") as error:
        mirror_site(site, public)
    assert (error.value.code, error.value.passing) == ("changed", True)
    assert "index.html" not in contents(public)
    assert MANIFEST not in contents(public)


def test_attack_a_file_changed_in_the_bucket_is_sent_again(public: Bucket, published: Published, site: Path) -> None:
    mirror_site(site, public)
    picture = next(path for path in published.files if path.startswith("copies/"))
    public.put("index.html", b"forged")
    public.put(picture, bytes(len(published.files[picture])))
    public.put("added.html", b"forged")
    mirror_site(site, public, thorough=True)
    assert contents(public) == published.files


def test_attack_an_older_publication_does_not_replace_a_newer(
    public: Bucket, published: Published, older: Path, site: Path
) -> None:
    mirror_site(site, public)
    with pytest.raises(RecordError, match="rolled back"):
        mirror_site(older, public)
    assert contents(public) == published.files


def test_attack_a_publication_by_another_key_replaces_nothing(
    public: Bucket, published: Published, site: Path, tmp_path: Path
) -> None:
    mirror_site(site, public)
    other = published.copy()
    other.rewrite_log(published.entries(), [1, published.checkpoint.size], Signer(published.signer.name, b"\7" * 32))
    with pytest.raises(Refusal, match="name another bucket"):
        mirror_site(other.write(tmp_path / "other"), public)
    assert contents(public) == published.files


def test_something_else_in_the_bucket_is_left_alone(public: Bucket, site: Path) -> None:
    public.put("holiday.jpg", b"beach")
    with pytest.raises(Refusal, match="expected an empty place"):
        mirror_site(site, public)
    assert contents(public) == {"holiday.jpg": b"beach"}


def test_what_lies_beside_it_in_the_bucket_is_left_alone(swift: SwiftServer, tmp_path: Path, site: Path) -> None:
    name = swift.create_bucket()
    whole = bucket_of(swift, tmp_path / "keys", name)
    whole.put("2026-rehearsal/index.html", b"another")
    mirror_site(site, whole.below("2026"))
    assert whole.get("2026-rehearsal/index.html") == b"another"


def test_cut_off_at_any_request_the_next_run_goes_on_and_the_manifest_is_never_ahead(
    public: Bucket, published: Published, older: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror_site(older, public)
    client = public._s3
    left: Iterator[int] = iter(())

    def until_cut_off(honest: Callable[..., object]) -> Callable[..., object]:
        def ask(**arguments: object) -> object:
            if next(left, None) is None:
                raise EndpointConnectionError(endpoint_url=public.place.endpoint)
            return honest(**arguments)

        return ask

    for request in ("put_object", "delete_object"):
        monkeypatch.setattr(client, request, until_cut_off(getattr(client, request)))
    runs = 0
    while True:
        left = iter(range(3))
        runs += 1
        try:
            mirror_site(site, public)
        except StoreError as error:
            assert error.passing
            there = contents(public)
            if there[MANIFEST] == published.files[MANIFEST]:
                assert {path: there[path] for path in published.files} == published.files
        else:
            break
    assert runs > 2
    assert contents(public) == published.files


def test_a_site_that_is_published_anew_meanwhile_is_copied_as_it_was(
    public: Bucket, published: Published, site: Path, tmp_path: Path
) -> None:
    (tmp_path / ".site.frozen").mkdir()
    (tmp_path / ".site.frozen" / "left").write_bytes(b"by a crash")
    with frozen(site) as still:
        shutil.rmtree(site)
        Published(published.older, published.signer).write(site)
        mirror_site(still, public)
    assert contents(public) == published.files
    assert not still.exists()
    assert (site / "index.html").exists()


def test_a_bucket_that_is_away_is_a_passing_matter(swift: SwiftServer, public: Bucket, site: Path) -> None:
    away = Bucket(type(public.place)("http://127.0.0.1:9", public.place.bucket), KEY, swift.secret)
    with pytest.raises(StoreError) as error:
        mirror_site(site, away)
    assert error.value.passing


def test_a_folder_without_a_record_is_no_publication(public: Bucket, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"page")
    with pytest.raises(RecordError, match="expected a publication"):
        mirror_site(tmp_path, public)
