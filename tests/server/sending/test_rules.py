"""Who gets in when there is no room for all: the pure rules, as properties."""

from __future__ import annotations

import hashlib
import secrets
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.election.definition import Election
from counterfoil.election.folder import load_folder
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.storage.gate import Gate
from counterfoil.workflow import codes
from counterfoil.workflow.folder import init
from counterfoil.workflow.sending import (
    COPY_KINDS,
    LANES,
    Bucket,
    Claim,
    Limits,
    NotNow,
    Place,
    Situation,
    admit,
    check_claim,
    closes,
    next_of,
    read_figures,
    who_waits,
)

lanes = st.sampled_from(LANES)
many = settings(max_examples=200, deadline=None)


@many
@given(st.lists(lanes, max_size=60), st.integers(1, 12), st.floats(0, 0.9))
def test_places_are_never_exceeded_and_invited_senders_always_find_what_strangers_may_not_take(
    coming: list[str], places: int, reserve: float
) -> None:
    waiting: list[Place] = []
    for number, lane in enumerate(coming):
        newcomer = Place(number, lane)  # type: ignore[arg-type]
        verdict = who_waits(waiting, newcomer, places=places, reserve_share=reserve)
        if verdict.gives_way is not None:
            assert verdict.comes_in and verdict.gives_way in waiting
            assert LANES.index(verdict.gives_way.lane) < LANES.index(newcomer.lane)
            waiting.remove(verdict.gives_way)
        if verdict.comes_in:
            waiting.append(newcomer)
        else:
            lower = [place for place in waiting if LANES.index(place.lane) < LANES.index(newcomer.lane)]
            assert lane == "stranger" or not lower
        assert len(waiting) <= places
        assert sum(place.lane == "stranger" for place in waiting) <= max(1, places - int(places * reserve))


@many
@given(st.lists(lanes, min_size=1, max_size=20))
def test_the_highest_lane_comes_first_and_in_it_who_came_first(coming: list[str]) -> None:
    waiting = [Place(number, lane) for number, lane in enumerate(coming)]  # type: ignore[arg-type]
    first = next_of(reversed(waiting))
    assert first is not None
    assert all(
        (LANES.index(first.lane), -first.number) >= (LANES.index(other.lane), -other.number) for other in waiting
    )


@many
@given(st.floats(1, 50), st.floats(0.01, 10), st.lists(st.floats(0, 20), max_size=60))
def test_a_budget_never_gives_more_than_its_size_and_what_flows_in(
    size: float, per_s: float, pauses: list[float]
) -> None:
    bucket, now, taken = Bucket(size, per_s), 0.0, 0
    for pause in pauses:
        now += pause
        bucket, wait = bucket.take(now)
        taken += wait == 0
        if wait:
            assert bucket.take(now + wait + 1e-6)[1] == 0
    assert taken <= size + now * per_s + 1e-6


@many
@given(st.lists(lanes, max_size=12), st.integers(0, 6))
def test_strangers_alone_never_close_a_station(agreeing: list[str], after: int) -> None:
    closed = closes(agreeing, Limits(close_after=after))
    if set(agreeing) <= {"stranger"} or after == 0 or len(agreeing) < after:
        assert not closed
    else:
        assert closed


@many
@given(st.sampled_from(LANES), st.booleans(), st.booleans(), st.integers(0, 50), st.integers(0, 4_000_000_000))
def test_who_is_refused_is_a_stranger_and_whose_paper_differs_is_never_told_that_enough_came(
    lane: str, closed: bool, differs: bool, in_batch: int, free: int
) -> None:
    situation = Situation(lane, closed, differs, in_batch, free)  # type: ignore[arg-type]
    try:
        admit(situation, Limits(), batch_s=600)
    except NotNow as error:
        assert lane == "stranger" and error.retry_after_s > 0
        assert in_batch >= 20 or free < 2_000_000_000
    except Refusal as error:
        assert (lane, closed, differs, error.code) == ("stranger", True, False, "station-closed")


def test_a_freeze_of_the_intake_stops_everybody() -> None:
    for lane in LANES:
        with pytest.raises(NotNow) as caught:
            admit(Situation(lane), Limits(frozen=True), batch_s=600)
        assert caught.value.code == "frozen"


@pytest.fixture(scope="module")
def election(tmp_path_factory: pytest.TempPathFactory) -> Election:
    folder = tmp_path_factory.mktemp("election") / "example"
    init(folder)
    return load_folder(folder).election


@many
@given(st.text(max_size=12), st.text(max_size=12), st.integers(-3, 9), st.sampled_from([*COPY_KINDS, "selfie"]))
def test_a_claim_is_of_the_fixed_lists_or_refused(
    election: Election, station: str, contest: str, page: int, kind: str
) -> None:
    for named in (contest, "president", ""):
        claim = Claim(station, named, page, kind)
        try:
            assert check_claim(claim, election) == claim
        except InputError:
            continue
        assert kind in COPY_KINDS and page == 1 and named in ("president", "")


@many
@given(st.dictionaries(st.sampled_from(["ada", "bob", "valid"]), st.text("0123456789 ٣x-", max_size=12)))
def test_a_figure_is_a_whole_number_or_refused_and_empty_is_never_0(election: Election, typed: dict[str, str]) -> None:
    try:
        values = read_figures(typed, "president", election)
    except InputError:
        return
    assert set(values) == {name for name, text in typed.items() if text.split()}
    assert all(str(int("".join(typed[name].split()))) == str(value) for name, value in values.items())


def test_the_words_are_7776_and_each_can_be_drawn_and_read() -> None:
    assert len(set(codes.words())) == 7776
    for _ in range(300):
        drawn = codes.draw_receipt(secrets.token_bytes)
        assert codes.read_receipt(drawn.upper().replace(" ", "-")) == drawn
        assert codes.tells_receipt(f"my words are: {drawn}!")
    hyphened = "yo-yo t-shirt drop-down felt-tip zoom abacus"
    assert codes.read_receipt(hyphened.replace("-", " ")) == codes.read_receipt(hyphened) == hyphened


def test_drawing_a_word_favours_none() -> None:
    """The highest value that four bytes can have is drawn again: it would favour the first words."""
    given_bytes = iter([b"\xff" * 4, b"\x00\x00\x00\x05"] + [bytes(4)] * 5)
    assert codes.draw_receipt(lambda n: next(given_bytes)).split()[0] == codes.words()[5]


@many
@given(st.binary(min_size=10, max_size=10))
def test_an_invitation_is_read_as_it_was_drawn_whatever_people_type_for_its_letters(data: bytes) -> None:
    code = codes.draw_invitation(lambda n: data)
    assert len(code) == 19
    typed = code.replace("-", " ").lower().replace("0", "o").replace("1", "l")
    assert codes.read_invitation(typed) == code


@many
@given(st.text(max_size=80), st.text(max_size=12))
def test_a_token_that_this_server_did_not_make_is_never_taken(text: str, channel: str) -> None:
    key = codes.form_key(b"p" * 32)
    assert codes.read_token(text, key, "send", 0) is None
    token = codes.make_token(key, "send", 1000, secrets.token_bytes)
    assert codes.read_token(token, key, "send", 1000) is not None
    assert codes.read_token(token, key, "send", 1000 + codes.TOKEN_LIFE_S) is None
    assert codes.read_token(token, key, channel, 1000) is None or channel == "send"
    assert codes.read_token(token, codes.form_key(b"q" * 32), "send", 1000) is None
    assert codes.read_token(token[:-1] + ("0" if token[-1] != "0" else "1"), key, "send", 1000) is None


def test_work_is_checked_by_its_bits() -> None:
    puzzle, bits = "puzzle", 8
    answer = next(n for n in range(10_000) if hashlib.sha256(f"{puzzle}:{n}".encode()).digest()[0] == 0)
    assert codes.solves(puzzle, str(answer), bits)
    assert not codes.solves(puzzle, str(answer + 1), 200)
    assert not codes.solves("another", str(answer), 24)
    assert not codes.solves(puzzle, "x" * 10, 0) and not codes.solves(puzzle, "1" * 30, 0)


def test_at_the_gate_a_stranger_who_waits_gives_way_to_an_invited_sender() -> None:
    gate = Gate(decoders=1, places=1)
    inside, leave = threading.Event(), threading.Event()
    outcomes: dict[str, str] = {}

    def come(name: str, lane: str, entered: threading.Event | None = None) -> None:
        try:
            with gate.inside(lane, reserve_share=0):  # type: ignore[arg-type]
                if entered is not None:
                    entered.set()
                    leave.wait(20)
            outcomes[name] = "in"
        except NotNow as error:
            outcomes[name] = error.code

    def started(*given: object) -> threading.Thread:
        thread = threading.Thread(target=come, args=given)
        thread.start()
        return thread

    holder = started("holder", "stranger", inside)
    assert inside.wait(20)
    waits = started("stranger", "stranger")
    while not gate._waiting:
        pass
    invited = started("invited", "invited")
    waits.join(20)
    with pytest.raises(NotNow), gate.inside("stranger", reserve_share=0):
        pass
    leave.set()
    for thread in (holder, invited):
        thread.join(20)
    assert outcomes == {"stranger": "busy", "holder": "in", "invited": "in"}
