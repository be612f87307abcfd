"""The images: 1,797 digits of 8 by 8 pixels that come with scikit-learn, so nothing is downloaded."""

from dataclasses import dataclass

import numpy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

WHITE = 16.0


@dataclass(frozen=True)
class Images:
    train_pixels: numpy.ndarray
    train_labels: numpy.ndarray
    test_pixels: numpy.ndarray
    test_labels: numpy.ndarray


def load_images(test_share: float, seed: int) -> Images:
    """As many of each digit in both parts as in the whole; pixels from 0 to 1."""
    pixels, labels = load_digits(return_X_y=True)
    train_pixels, test_pixels, train_labels, test_labels = train_test_split(
        pixels / WHITE, labels, test_size=test_share, random_state=seed, stratify=labels
    )
    return Images(train_pixels, train_labels, test_pixels, test_labels)
