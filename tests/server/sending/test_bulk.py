"""Many files of an organisation: ZIP files that attack, documents of several pages, stations by name."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.bootstrap.server import Server
from counterfoil.primitives.errors import InputError
from counterfoil.storage import branches
from counterfoil.storage.models import Account, Arrival, Branch
from counterfoil.workflow import packages
from counterfoil.workflow.packages import place, unpack
from tests.server.conftest import Person
from tests.server.sending.photos import drawn, jpeg


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in files.items():
            package.writestr(name, data)
    return out.getvalue()


def pdf(pages: int) -> bytes:
    out = io.BytesIO()
    first, *others = [drawn(seed, (400, 560)) for seed in range(pages)]
    first.save(out, "PDF", save_all=True, append_images=others)
    return out.getvalue()


@pytest.fixture
def sending(server: Server, person: Person, as_person: Callable[[Account], Client]) -> Callable[..., str]:
    coordinator = person("sender_coordinator")
    branch = branches.make_branch("An organisation", "organisation", coordinator)

    def send(*files: tuple[str, bytes], to: Branch = branch) -> str:
        uploads = [SimpleUploadedFile(name, data) for name, data in files]
        answer = as_person(coordinator).post(
            "/send/bulk/", {"branch": str(to.pk), "contest": "president", "kind": "authoritys_scan", "file": uploads}
        )
        return " ".join(answer.content.decode().split())

    return send


def test_a_zip_gives_each_file_its_station_page_and_answer(sending: Callable[..., str]) -> None:
    package = zipped({"001.jpg": jpeg(1), "002/a.jpg": jpeg(2), "scans/nobody.jpg": jpeg(3), "x.txt": b"hello"})
    text = sending(("all.zip", package))
    assert "3 of 4 were received" in text
    found = sorted(Arrival.objects.values_list("station", "page", "lane", "kind"))
    assert found == [(one, 1, "organisation", "authoritys_scan") for one in ("", "001", "002")]


def test_pages_of_a_document_become_copies_all_or_none(sending: Callable[..., str]) -> None:
    assert "1 of 1 were received" in sending(("scan.pdf", pdf(3)))
    assert sorted(Arrival.objects.values_list("page", flat=True)) == [1, 2, 3]
    assert Branch.objects.get().sent == 3


def test_a_document_from_a_stranger_is_refused_with_the_sentence_send_a_photo(
    server: Server, send: Callable[..., object]
) -> None:
    answer = send(pdf(1))
    assert "this is a PDF. Send a photo." in answer.content.decode()  # type: ignore[attr-defined]
    assert not Arrival.objects.exists()


def test_a_zip_bomb_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAX_FILE_BYTES", 1_000_000)
    bomb = zipped({"bomb.jpg": bytes(50_000_000), "001.jpg": b"fine"})
    assert len(bomb) < 100_000
    assert [(item.name, len(item.data), item.wrong) for item in unpack(bomb)] == [
        ("bomb.jpg", 0, "too-large"),
        ("001.jpg", 4, ""),
    ]


def test_a_zip_whose_directory_lies_about_the_size_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAX_FILE_BYTES", 1_000)
    lying = bytearray(zipped({"a.jpg": bytes(100_000)}))
    for marker, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = lying.index(marker) + offset
        lying[at : at + 4] = (10).to_bytes(4, "little")
    (item,) = unpack(bytes(lying))
    assert len(item.data) <= 1_000


def test_paths_that_lead_out_are_only_names(sending: Callable[..., str]) -> None:
    sending(("z.zip", zipped({"../../../etc/001.jpg": jpeg(1), "/abs/002.jpg": jpeg(2)})))
    assert set(Arrival.objects.values_list("station", flat=True)) == {"001", "002"}


def test_links_and_encrypted_files_in_a_zip_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        link = zipfile.ZipInfo("001.jpg")
        link.external_attr = 0o120777 << 16
        package.writestr(link, "/etc/passwd")
    (item,) = unpack(out.getvalue())
    assert (item.data, item.wrong) == (b"", "not-plain")


def test_too_many_files_and_damaged_packages_are_refused_in_one_sentence() -> None:
    many = zipped({f"{n}.jpg": b"" for n in range(packages.MAX_FILES + 1)})
    with pytest.raises(InputError, match="at most 500 files"):
        list(unpack(many))
    with pytest.raises(InputError, match="damaged"):
        list(unpack(b"PK\x03\x04" + bytes(50)))


@given(st.text(max_size=40), st.integers(1, 12))
def test_a_name_never_gives_a_station_that_is_not_known(name: str, page: int) -> None:
    known = {"001", "a-2"}.__contains__
    station, found = place(name, known)
    assert station in ("", "001", "a-2") and found >= 1
    assert place(f"x/001-{page}.jpg", known) == ("001", page)
    assert place("a-2.jpg", known) == ("a-2", 1)


def test_a_coordinator_sends_nothing_through_a_branch_that_was_taken_back(
    server: Server, sending: Callable[..., str]
) -> None:
    Branch.objects.update(revoked=True)
    assert "choose a branch" in sending(("001.jpg", jpeg(1)))
    assert not Arrival.objects.exists()
