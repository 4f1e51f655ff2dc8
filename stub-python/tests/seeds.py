"""The seeds of random tests."""

from __future__ import annotations

import os


def seeds(usually: int) -> range:
    """As many as a test usually takes, or SERIATIM_SEEDS if that is more; or SERIATIM_SEED alone."""
    if only := os.environ.get("SERIATIM_SEED"):
        return range(int(only), int(only) + 1)
    return range(max(usually, int(os.environ.get("SERIATIM_SEEDS", "0"))))
