"""Wrong passwords: how long the next one waits."""

from __future__ import annotations

import pytest
from tessera_app.http.throttle import BY_ADDRESS, BY_NAME, Throttle


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_few_wrong_passwords_cost_nothing(clock: Clock) -> None:
    throttle = Throttle(clock)
    for _ in range(BY_ADDRESS.free - 1):
        throttle.wrong("10.0.0.1", "osler")
    assert throttle.wait_s("10.0.0.1", "osler") == 0


def test_waits_double_up_to_the_longest_and_other_addresses_do_not_wait(clock: Clock) -> None:
    throttle, waits = Throttle(clock), []
    for _ in range(14):
        throttle.wrong("10.0.0.1", "osler")
        waits.append(throttle.wait_s("10.0.0.1", "osler"))
        clock.now += waits[-1]
        assert throttle.wait_s("10.0.0.1", "osler") == 0
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    throttle.wrong("10.0.0.1", "osler")
    assert throttle.wait_s("10.0.0.2", "osler") == 0


def test_a_name_is_slowed_down_from_many_addresses_but_not_for_long(clock: Clock) -> None:
    throttle = Throttle(clock)
    for number in range(100):
        throttle.wrong(f"10.0.1.{number}", "osler")
    assert throttle.wait_s("10.0.0.9", "osler") == BY_NAME.longest_s
    assert throttle.wait_s("10.0.0.9", "virchow") == 0


def test_a_right_password_forgets_and_so_does_time(clock: Clock) -> None:
    throttle = Throttle(clock)
    for _ in range(8):
        throttle.wrong("10.0.0.1", "osler")
    throttle.right("10.0.0.1", "osler")
    assert throttle.wait_s("10.0.0.1", "osler") == 0
    for _ in range(8):
        throttle.wrong("10.0.0.1", "osler")
    clock.now += 11 * BY_ADDRESS.longest_s
    throttle.wrong("10.0.0.1", "osler")
    assert throttle.wait_s("10.0.0.1", "osler") == 0
