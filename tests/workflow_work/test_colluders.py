"""A small slice of the campaign of `colluders`: what the rules promise against people who type the same lie."""

from __future__ import annotations

from tests.workflow_work.colluders import World


def test_colluders_of_one_branch_get_no_wrong_value_accepted() -> None:
    """Attack: three readers in ten, invited by one hand, type the same lie on every photo. The last copies of a queue
    can pair two of them, because there is no other work; that is read again."""
    found = World(1, 60, share=0.3, one_branch=True, targets=1.0, people=20).run()
    assert found.wrong == 0
    assert found.most_wrong <= 1
    assert found.agreed == 60
    assert found.honest_stopped == 0


def test_colluders_of_every_branch_are_found_and_what_they_typed_is_read_again() -> None:
    """Attack: three readers in ten, spread over all branches, type the same lie on every photo."""
    found = World(2, 120, share=0.3, one_branch=False, targets=1.0, people=20).run()
    assert found.caught == 6
    assert found.wrong == 0
    assert found.agreed == 120


def test_without_colluders_few_copies_are_read_more_often_than_asked() -> None:
    found = World(3, 120, share=0, one_branch=False, targets=0, people=10).run()
    assert found.agreed == 120
    assert found.honest_stopped == 0
