"""The plugin surface under one unmistakable name: `from tangkapin import hookimpl, PlateRead`."""

from core.api import *  # noqa: F403
from core.api import __all__ as __all__

if __name__ == "__main__":
    from core.cli.main import main

    main()
