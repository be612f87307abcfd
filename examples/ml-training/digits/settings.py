"""Settings: config.json says what is usual, the command line what is different this time."""

import argparse
import json
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    # Passes over the training images.
    epochs: int
    # Strength of the L2 penalty.
    alpha: float
    # Share of the images that is kept for the test.
    test_share: float
    # Everything random starts here: two runs with one seed write the same bytes.
    seed: int


def read_settings(arguments: list[str] | None = None) -> Settings:
    parser = argparse.ArgumentParser(description="Trains a classifier of handwritten digits.")
    parser.add_argument("--config", type=Path, default=Path("config.json"), help="default: config.json")
    for field in fields(Settings):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=field.type, help="default: as in the config")
    given = vars(parser.parse_args(arguments))
    values = json.loads(given.pop("config").read_text(encoding="utf-8"))
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        settings = Settings(**values)
    except TypeError as error:
        parser.error(f"the config does not fit: {error}")
    if settings.epochs < 1 or settings.alpha <= 0 or not 0 < settings.test_share < 1:
        parser.error("epochs and alpha must be above 0, test-share between 0 and 1")
    return settings
