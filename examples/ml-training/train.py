"""python3 train.py [--epochs 20] [--seed 7] ...: learns, and writes model.pkl, results.json and training.log."""

from pathlib import Path

from digits.data import load_images
from digits.model import make_model, train
from digits.report import TrainingLog, write_model, write_results
from digits.settings import read_settings


def main() -> None:
    settings = read_settings()
    images = load_images(settings.test_share, settings.seed)
    model = make_model(settings.alpha, settings.seed)
    history = []
    with TrainingLog(Path("training.log")) as log:
        log.say(f"learning from {len(images.train_labels)} images, {len(images.test_labels)} are for the test")
        for epoch in train(model, images, settings.epochs):
            history.append(epoch)
            accuracies = f"train {epoch.train_accuracy:.4f}, test {epoch.test_accuracy:.4f}"
            log.say(f"epoch {epoch.number}/{settings.epochs}: {accuracies}")
        log.say(f"test accuracy: {history[-1].test_accuracy:.4f}")
    write_model(Path("model.pkl"), model)
    write_results(Path("results.json"), settings, history, model, images)


if __name__ == "__main__":
    main()
