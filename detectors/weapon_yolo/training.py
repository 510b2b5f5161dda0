"""Weights of one's own: ultralytics' training, kept at home and without its side effects."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from detectors.weapon_yolo.quiet import load_ultralytics


def train(
    dataset: Path, base: str, out: Path, *, epochs: int, image_size: int, batch: int, device: str
) -> tuple[Path, dict[str, float]]:
    """Train and return the best weights (out/<dataset's name>.pt) and the figures of the validation pictures.

    dataset  .yaml in ultralytics' form: path, train, val, names
    base     weights to start from, or the .yaml of a network; never downloaded

    Raises ValueError with what is wrong with either.
    """
    if base.endswith(".pt") and not Path(base).is_file():
        raise ValueError(f"base: no such file: {base} (nothing is downloaded)")
    if re.search(r"^\s*['\"]?download\b", dataset.read_text("utf-8"), re.MULTILINE):
        raise ValueError(f"{dataset.name}: take `download` out: ultralytics would run it as a script")
    ultralytics = load_ultralytics(None)
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="train-", dir=out) as runs:
        try:
            model = ultralytics.YOLO(base, task="detect")
            result = model.train(
                data=str(dataset), epochs=epochs, imgsz=image_size, batch=batch, device=device, project=runs,
                name="run", workers=0 if device == "cpu" else 4, amp=device != "cpu", plots=False, verbose=False,
                seed=1,
            )  # fmt: skip
        except (FileNotFoundError, RuntimeError, SyntaxError, KeyError) as error:
            raise ValueError(f"{dataset.name}: {' '.join(str(error).split())[:300]}") from error
        weights = out / f"{dataset.stem}.pt"
        shutil.copyfile(model.trainer.best, weights)
    figures = {name.removeprefix("metrics/"): float(value) for name, value in result.results_dict.items()}
    return weights, figures
