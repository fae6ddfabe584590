"""What a run is worth, as HTML: words, bars, and a hint where nothing was measured."""

from __future__ import annotations

from typing import Any

from tessera_app.pages.run.evaluation import evaluation_html

FOUND: dict[str, Any] = {
    "interval": 2,
    "words": ["on slides the clusters form regions", "<b>not markup</b>"],
    "regions": {"coherence": 0.34},
    "steadiness": {"among_clusterers": 0.6, "resampled": 0.7},
    "places": {"slide": {"above_chance": 0.11}},
}


def test_an_evaluation_is_shown_in_words_and_bars() -> None:
    shown = evaluation_html("r", FOUND)
    assert "on slides the clusters form regions" in shown
    assert "&lt;b&gt;not markup" in shown
    assert shown.count('class="bar"') == 4
    assert "carry over" not in shown


def test_scores_stand_first_and_the_best_features_first_of_all() -> None:
    scores = {"carry_over": 0.86, "ami": 0.6, "ami_ceiling": 0.7}
    features = {"run": {"kmeans_carry_over": 0.7, "knn": 0.8}, "colour": {"kmeans_carry_over": 0.3, "knn": None}}
    shown = evaluation_html("r", {**FOUND, "clusters": scores, "features": features})
    assert shown.index("names carry over") < shown.index("coherence on slides")
    assert shown.index("<td>run") < shown.index("<td>colour")


def test_a_run_that_was_not_evaluated_says_how() -> None:
    assert "tessera evaluate my-run" in evaluation_html("my-run", None)
