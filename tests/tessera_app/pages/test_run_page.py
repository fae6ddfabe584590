"""The Run page without a browser: what is offered in words, and that nothing of another run is shown."""

from __future__ import annotations

import pytest
from tessera import config as configuration
from tessera.config import RunConfig
from tessera.runs import control
from tessera.runs.figures import Metric, write_figures
from tessera_app.pages.run.curves import Curves
from tessera_app.pages.run.facts import loss_of
from tessera_app.pages.run.form import SettingsForm
from tessera_app.pages.run.labels import group_of, label_of
from tessera_app.pages.run.page import RunPage
from tessera_app.pages.run.presets import presets, time_words
from tessera_app.pages.run.settling import verdict
from tessera_app.store import PAGES, Store

from tests.tessera.planted import RUN, Planted


@pytest.fixture
def store(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(planted.workspace.root))
    return Store(page=PAGES.index("run"))


def test_curves_are_those_of_the_run_that_is_shown(planted: Planted, store: Store) -> None:
    with planted.workspace.ledger.write() as connection:
        for interval, value in enumerate((0.5, 0.7), start=1):
            write_figures(connection, control.get(planted.workspace, RUN).id, {"nmi": value}, interval=interval)
    control.create(planted.workspace, RunConfig(), "waiting")
    store.run = RUN
    curves = Curves(store)
    assert curves.points("nmi") == [(1, 0.5), (2, 0.7)]
    assert curves._plots[0].visible
    store.run = "waiting"
    assert curves.points("nmi") == []
    assert not any(plot.visible for plot in curves._plots)


def test_a_curve_of_one_point_is_a_dot(planted: Planted, store: Store) -> None:
    run = control.get(planted.workspace, RUN)
    with planted.workspace.ledger.write() as connection:
        connection.execute("DELETE FROM metric WHERE run_id = ?", (run.id,))
        write_figures(connection, run.id, {"loss": 2.0}, step=5)
    curves = Curves(store)
    assert curves.points("loss") == [(5, 2.0)]
    assert curves._dots.visible


def test_the_loss_of_a_last_short_batch_is_not_that_of_the_run() -> None:
    figures = [
        Metric("loss", 0, 50, 9.0, 1.0),
        Metric("loss", 1, 60, 2.0, 2.0),
        Metric("loss", 1, 99, 2.0, 3.0),
        Metric("loss", 1, 100, 7.0, 4.0),  # one batch of what was left over
        Metric("nmi", 1, 100, 0.5, 5.0),
    ]
    assert loss_of(figures) == pytest.approx((49 * 2.0 + 7.0) / 50)


def test_settling_is_answered_in_words() -> None:
    assert "Too early" in verdict([0.4])
    assert verdict([0.5, 0.91, 0.915, 0.92]).startswith("Settled")
    assert verdict([0.5, 0.6, 0.7]).startswith("Still settling")
    assert verdict([0.9, 0.8, 0.7]).startswith("Coming apart")
    assert verdict([0.7, 0.7, 0.7]).startswith("Steady")
    assert "nothing to settle" in verdict([], trains=False)


def test_a_run_is_started_by_what_it_may_take_and_settings_stand_behind_a_door(planted: Planted, store: Store) -> None:
    page = RunPage(store)
    names = list(page._preset.options)
    assert names[-3:] == ["Quick", "Standard", "Thorough"]
    page._preset.value = "Quick"
    assert page._form.config().epochs == 3
    assert "Trains three times" in page._means.object
    page._preset.value = "Standard"
    assert page._form.config().epochs == 10
    assert page._form.config().tile_px == RunConfig().tile_px  # nothing is left of what was chosen before
    run = control.get(planted.workspace, RUN)
    with planted.workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET started = 1000, finished = 1600 WHERE id = ?", (run.id,))
    quick, standard = (time_words(one, [control.get(planted.workspace, RUN)], 5000) for one in presets()[-3:-1])
    assert quick.startswith("About")
    assert standard.startswith("About")
    assert quick != standard
    assert "first run" in time_words(presets()[-1], [], 5000)


def test_every_setting_has_words_for_a_person() -> None:
    form = SettingsForm()
    for leaf in configuration.leaves(RunConfig):
        if not leaf.about.internal:
            assert not set("_.") & set(label_of(leaf.path)), leaf.path
            assert group_of(leaf.path)
    form.preset({"epochs": 4})
    assert "How often to train and cluster again&nbsp;<b>4</b>" in form.changed.object
    form.preset({})
    assert "at their defaults" in form.changed.object


def test_clusters_are_seen_while_they_form(planted: Planted, store: Store) -> None:
    page = RunPage(store)
    assert page._forming._pane.object.count("<figure>") == 6
    assert f"sheet/{RUN}/2/" in page._forming._pane.object
