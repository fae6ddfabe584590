# Two commands do all on a machine with Python 3.11 and nothing else: `make app` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKSPACE ?= demo-workspace
PORT ?= 5006
# processes that share the tests, file by file: each may start a server, a browser and a training run
WORKERS ?= 3
# CPU=1 installs torch and faiss without CUDA, a fraction of the 8 GB: PyTorch's own index of CPU wheels, and faiss-cpu
CPU ?=
EXTRAS ?= dev,bench,slurm,dask

.PHONY: app test install lint types quick slow notebooks browser chromium frontend pictures docs tail bench clean

app: install  ## environment, demo cohort, first run, dashboard
	$(BIN)/tessera demo --workspace $(WORKSPACE) --port $(PORT)

test: install chromium lint types  ## everything that CI runs
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m "not live and not gpu" --durations=25 --junitxml=build/tests.xml

install: $(VENV)/.installed  ## .venv with the command `tessera`

# uv is brought along in a small environment of its own when the machine has none; nothing is installed outside.
$(VENV)/.installed: pyproject.toml
	@uv=$$(command -v uv || true); \
	 if [ -z "$$uv" ]; then test -x .uv/bin/uv || { $(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv; }; uv=.uv/bin/uv; fi; \
	 test -x $(BIN)/python || $$uv venv --quiet --python $(PYTHON) $(VENV); \
	 if [ -n "$(CPU)" ]; then mkdir -p build; echo 'faiss-gpu; python_version < "3"' >build/without-cuda.txt; \
	  cpu="--torch-backend cpu --overrides build/without-cuda.txt faiss-cpu==1.15.1"; fi; \
	 $$uv pip install --quiet --python $(BIN)/python $$cpu -e '.[$(EXTRAS)]'
	@touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

quick: install  ## the tests of a minute
	$(BIN)/pytest -q

# Debian's Chromium, or any browser that CHROMIUM names
chromium:
	@test -n "$(CHROMIUM)" || command -v chromium >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }

frontend:  ## bundle the front-end components again
	cd app/tessera_app/frontend && npm ci --no-audit --no-fund && node build.mjs

docs: install  ## API pages from the docstrings, in build/docs
	$(BIN)/python -W ignore tools/docs.py

tail: install  ## the longest functions, files and lines
	$(BIN)/python tools/tail.py

bench: install  ## what an interval, loading and scale cost on this machine
	$(BIN)/python benchmarks/epoch.py
	$(BIN)/python benchmarks/loader.py
	$(BIN)/python benchmarks/scale.py

pictures: install chromium  ## the pictures of the README
	$(BIN)/python benchmarks/pictures.py

clean:
	rm -rf build .uv $(VENV) demo-workspace
