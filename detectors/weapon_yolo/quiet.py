"""ultralytics, told to stay at home: no telemetry, no download, no pip install from inside a running service."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

EXTRA = "pip install 'tangkapin[yolo]' (ultralytics is AGPL-3.0: see doc.md)"
_SWITCHES = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",  # a .pt file is a pickle: tensors and ultralytics' own classes, nothing else
}


def load_ultralytics(folder: Path | None) -> Any:
    """The module, imported for the first time or again. Raises RuntimeError where it is missing or too old.

    folder  where it may keep its settings; None: a folder among the machine's temporary ones
    """
    if importlib.util.find_spec("ultralytics") is None:
        raise RuntimeError(f"ultralytics is not installed; {EXTRA}")
    kept = folder or Path(tempfile.gettempdir()) / "tangkapin-ultralytics"
    kept.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("YOLO_CONFIG_DIR", str(kept))
    os.environ.update(_SWITCHES)
    from detectors.weapon_yolo.torchvision_nms import ensure_torchvision

    ensure_torchvision()
    import ultralytics

    if not getattr(ultralytics.utils, "SAFE_LOAD", False):
        raise RuntimeError(f"ultralytics {ultralytics.__version__} would run code hidden in a .pt file; {EXTRA}")
    settings: Any = ultralytics.settings
    settings.update({"sync": False})
    return ultralytics
