from __future__ import annotations

from app.views.export import _wrong


def test_shares_that_leave_nothing_to_train_on_are_told_before_anything_is_written() -> None:
    assert "at most 0.9 together" in _wrong({"val": 0.2, "test": 0.9})
    assert _wrong({"val": 0.2, "test": 0.2, "per_class": 10}) == ""
