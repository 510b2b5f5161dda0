# The developer's verbs. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 4
PACKAGES := chromium gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
	gstreamer1.0-plugins-ugly python3-gi python3-gst-1.0

.DEFAULT_GOAL := help
.PHONY: help setup client packages peers demo test lint drill bench screenshots clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) client ## make .venv with everything installed and build the client

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Tangkapin needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev,detect,yolo,ocr,fcm,webpush]'
	@touch $@

client: $(STAMP) ## build the pages of web/ into core/web/dist, when their sources changed
	@$(BIN)/python web/build.py

demo: setup ## start everything with simulated cameras and a fake ETNAS (Ctrl-C ends it)
	$(BIN)/tangkapin demo $(ARGS)

packages: ## put what tests drive in place: Chromium, GStreamer's RTSP server (Debian's packages, when root)
	@missing="$$(for name in $(PACKAGES); do dpkg -s $$name >/dev/null 2>&1 || printf '%s ' $$name; done)"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else echo "The tests of pages and of RTSP need, as root: apt-get install $$missing" >&2; fi

peers: $(STAMP) ## put a server and a client of the Pusher protocol where the notifiers' tests find them
	@$(BIN)/python tests/peers/install.py

test: setup lint packages peers ## all checks and tests that a landing needs (ARGS="vendors/dahua" for a part)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not drill" $(ARGS)

lint: setup ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python web/build.py --check

drill: setup ## the long crash and fault drills
	TANGKAPIN_EXAMPLES=drawn $(BIN)/python -m pytest -m drill --timeout 3600 $(ARGS)

bench: setup ## the benchmarks of benchmarks/README.md
	$(BIN)/python -m benchmarks $(ARGS)

screenshots: setup ## pictures of a running demo for docs/images: ARGS="URL officer=NAME:PASSWORD …" as it printed them
	$(BIN)/python web/screenshots.py $(ARGS)

clean: ## remove what setup and the demo made
	rm -rf $(VENV) var core/web/dist web/node_modules web/.generated
