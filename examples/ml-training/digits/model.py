"""The model: logistic regression, learnt by stochastic gradient descent one epoch at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy
from sklearn.linear_model import SGDClassifier

from .data import Images


@dataclass(frozen=True)
class Epoch:
    number: int
    train_accuracy: float
    test_accuracy: float


def make_model(alpha: float, seed: int) -> SGDClassifier:
    return SGDClassifier(loss="log_loss", alpha=alpha, learning_rate="optimal", average=True, random_state=seed)


def train(model: SGDClassifier, images: Images, epochs: int) -> Iterator[Epoch]:
    """Goes on as long as somebody asks for the next epoch."""
    classes = numpy.unique(images.train_labels)
    for number in range(1, epochs + 1):
        model.partial_fit(images.train_pixels, images.train_labels, classes=classes)
        yield Epoch(
            number,
            model.score(images.train_pixels, images.train_labels),
            model.score(images.test_pixels, images.test_labels),
        )
