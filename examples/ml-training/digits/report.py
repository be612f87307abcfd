"""What stays: model.pkl, results.json and training.log. No clock is read, so that equal runs leave equal files."""

import json
import pickle
from dataclasses import asdict
from pathlib import Path

from sklearn.linear_model import SGDClassifier
from sklearn.metrics import confusion_matrix

from .data import Images
from .model import Epoch
from .settings import Settings

PICKLE_PROTOCOL = 4


class TrainingLog:
    """Says each line at once, and keeps it in a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def say(self, line: str) -> None:
        print(line, flush=True)
        self._file.write(f"{line}\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "TrainingLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_model(path: Path, model: SGDClassifier) -> None:
    path.write_bytes(pickle.dumps(model, protocol=PICKLE_PROTOCOL))


def write_results(path: Path, settings: Settings, history: list[Epoch], model: SGDClassifier, images: Images) -> None:
    last = history[-1]
    confusion = confusion_matrix(images.test_labels, model.predict(images.test_pixels))
    results = {
        "settings": asdict(settings),
        "images": {"train": len(images.train_labels), "test": len(images.test_labels)},
        "accuracy": {"train": round(last.train_accuracy, 4), "test": round(last.test_accuracy, 4)},
        "history": [round(epoch.test_accuracy, 4) for epoch in history],
        "confusion": confusion.tolist(),
    }
    path.write_text(f"{json.dumps(results, indent=2)}\n", encoding="utf-8")
