"""Learning rates over a run: functions of the step alone, so that a resumed run needs no schedule's state."""

from __future__ import annotations

import math

from tessera.config import RunConfig

REFERENCE_BATCH = 256


def learning_rate(config: RunConfig, step: int, n_steps: int) -> float:
    """Rate of one training step.

    constant is DeepCluster's; cosine rises linearly over the share `warmup` of all steps and then falls to zero along
    half a cosine, as in DeepCluster-v2 (Caron et al. 2020, appendix D, there to a thousandth of the highest rate).

    Args:
        config: learning_rate (at 256 tiles a batch), batch_size, schedule, warmup.
        step: steps done before.
        n_steps: of the whole run.
    """
    highest = config.optimiser.learning_rate * config.batch_size / REFERENCE_BATCH
    if config.chosen_schedule == "constant":
        return highest
    rising = max(1, round(config.optimiser.warmup * n_steps))
    if step < rising:
        return highest * (step + 1) / rising
    done = min(1.0, (step - rising) / max(1, n_steps - rising))
    return highest * 0.5 * (1 + math.cos(math.pi * done))
