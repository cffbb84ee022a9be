"""The pages of tasks, as a browser without scripts sends them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from counterfoil.storage.models import Account, Copy, Entry, Task
from tests.server.reading.conftest import FIELDS, PAPER, Hall

AsPerson = Callable[[Account], Client]


def typed(values: Mapping[str, object]) -> dict[str, str]:
    return {f"f-{name}": str(value) for name, value in values.items()}


def opened(client: Client) -> str:
    """The address of the next task."""
    answer: HttpResponse = client.post(reverse("work_next"))  # type: ignore[assignment]
    assert answer.status_code == 302, answer.content
    return answer["Location"]


def test_two_people_read_a_copy_without_scripts(hall: Hall, as_person: AsPerson) -> None:
    (copy,) = hall.copies("001")
    for reader in hall.readers(2):
        client = as_person(reader)
        task = opened(client)
        page = client.get(task)
        assert page.status_code == 200
        for name in FIELDS:
            assert f'name="f-{name}"' in page.content.decode()
        answer = client.post(task, typed(PAPER))
        assert answer.status_code == 302
        assert answer["Location"] == reverse("work_next")
    copy.refresh_from_db()
    assert copy.state == "agreed"
    assert not Task.objects.filter(leased_by__isnull=False).exists()


def test_the_picture_is_only_for_whoever_holds_the_task(hall: Hall, as_person: AsPerson) -> None:
    hall.copies("001")
    one, two = hall.readers(2)
    task = opened(as_person(one))
    answer = as_person(one).get(task + "photo")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/jpeg"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "no-store"
    assert answer.content.startswith(b"\xff\xd8")
    assert as_person(two).get(task + "photo").status_code == 404
    assert as_person(two).get(task).status_code == 404
    assert as_person(hall.person("organiser")).get(task + "photo").status_code == 404


def test_sums_are_asked_about_after_the_whole_form_and_yes_is_enough(hall: Hall, as_person: AsPerson) -> None:
    hall.copies("001")
    (reader,) = hall.readers(1)
    client = as_person(reader)
    task = opened(client)
    wrong = {**PAPER, "ada": 410}
    answer = client.post(task, typed(wrong))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Is that what the paper says?" in page
    assert page.count('class="question"') == 1
    assert not Entry.objects.filter(type="reading").exists()
    said = page.split('name="answered" value="')[1].split('"')[0]
    other = {**wrong, "bob": 281}
    assert "Is that what the paper says?" in client.post(task, {**typed(other), "answered": said}).content.decode()
    assert client.post(task, {**typed(wrong), "answered": said}).status_code == 302
    assert Entry.objects.get(type="reading").body["values"]["ada"] == 410


def test_the_last_reading_can_be_taken_back_and_typed_again(hall: Hall, as_person: AsPerson) -> None:
    (copy,) = hall.copies("001")
    (reader,) = hall.readers(1)
    client = as_person(reader)
    client.post(opened(client), typed({**PAPER, "spoilt": 5}))
    answer = client.post(reverse("work_undo"))
    assert answer.status_code == 302
    assert 'value="310"' in client.get(answer["Location"]).content.decode()
    client.post(answer["Location"], typed({**PAPER, "ada": 311, "valid": 601, "ballots": 606}))
    stands = Entry.objects.filter(type="reading", withdrawn=False)
    assert [e.body["values"]["ada"] for e in stands] == [311]
    assert Copy.objects.get(pk=copy.pk).state == "reading"
