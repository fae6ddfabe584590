from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tessera.ingest.archive.budget import LOOK_AHEAD, PATIENCE, Admission, Budget, Reservation


def endless() -> int:
    return 10**15


@given(
    sizes=st.lists(st.integers(1, 100), max_size=60),
    budget_bytes=st.integers(100, 400),
    order=st.randoms(use_true_random=False),
)
def test_no_more_than_the_budget_is_ever_held_and_every_slide_passes(sizes, budget_bytes, order) -> None:  # type: ignore[no-untyped-def]
    """Slides are admitted and given back in any order."""
    budget, admission = Budget(budget_bytes, 10**9, 0, endless), Admission()
    waiting = [(str(i), size, 1) for i, size in enumerate(sizes)]
    held: dict[str, Reservation] = {}
    passed = set()
    while waiting or held:
        chosen = admission.choose(waiting, budget)
        if chosen is not None:
            held[chosen[0]] = chosen[1]
            waiting = [one for one in waiting if one[0] != chosen[0]]
        assert budget.slides_held == sum(one.slide_bytes for one in held.values()) <= budget_bytes
        if held and (chosen is None or order.random() < 0.5):
            name = order.choice(sorted(held))
            budget.release(held.pop(name))
            passed.add(name)
        assert chosen is not None or len(held) + len(passed) > 0  # nothing waits for ever
    assert len(passed) == len(sizes)
    assert budget.high_water <= budget_bytes


@given(
    free=st.integers(0, 2000),
    floor=st.integers(0, 1000),
    wishes=st.lists(st.tuples(st.integers(1, 300), st.integers(0, 100), st.integers(0, 300)), max_size=30),
)
def test_the_floor_of_free_space_holds_even_when_all_promises_are_kept(free, floor, wishes) -> None:  # type: ignore[no-untyped-def]
    on_disk = [0]
    budget = Budget(10**6, 10**6, floor, lambda: free - on_disk[0])
    promised = 0
    for size, tiles, written in wishes:
        reservation = budget.reserve(size, tiles)
        if reservation is not None:
            promised += size + tiles
            reservation.written = min(written, size)
            on_disk[0] += reservation.written
    assert promised == 0 or free - promised >= floor


def test_kept_tiles_count_against_their_own_budget() -> None:
    budget = Budget(100, 50, 0, endless)
    budget.tiles_kept = 20
    assert budget.reserve(10, 31) is None
    assert budget.obstacle(10, 31) == "tiles"
    assert budget.obstacle(101, 0) == "slides"
    first = budget.reserve(10, 30)
    assert first is not None
    assert budget.obstacle(10, 1) == "tiles"
    budget.release(first)
    assert budget.obstacle(10, 30) == ""


def test_the_first_that_fits_goes_but_a_large_slide_is_not_passed_over_for_ever() -> None:
    budget, admission = Budget(100, 10**6, 0, endless), Admission()
    blocker = budget.reserve(60, 0)
    assert blocker is not None
    small = [(f"small{i}", 40, 0) for i in range(PATIENCE + 20)]
    waiting = [("large", 90, 0), *small]
    taken = 0
    while (chosen := admission.choose(waiting, budget)) is not None:
        waiting = [one for one in waiting if one[0] != chosen[0]]
        budget.release(chosen[1])
        taken += 1
    assert taken == PATIENCE
    budget.release(blocker)
    after = admission.choose(waiting, budget)
    assert after is not None
    assert after[0] == "large"


def test_only_the_next_few_are_looked_at() -> None:
    budget = Budget(10, 10**6, 0, endless)
    waiting = [(f"large{i}", 11, 0) for i in range(LOOK_AHEAD)] + [("small", 1, 0)]
    assert Admission().choose(waiting, budget) is None
    assert Admission().choose(waiting[1:], budget) is not None
