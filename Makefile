# The commands of a newcomer. `make demo` and `make test` need Rust, a C compiler, make and python3 with
# pip; `make test` also venv and curl.
PYTHON ?= python3
CARGO ?= cargo
TARGET = $(or $(CARGO_TARGET_DIR),target)
NBA = $(TARGET)/release/nba
# The Python of the examples. Absolute, since tests run programs in other folders.
VENV = $(abspath $(TARGET))/examples-venv

.PHONY: demo test examples runtime release bench clean-index

# From a fresh clone to the two commands that matter.
demo: runtime release
	$(NBA) index build --data fixtures --index index || [ $$? = 3 ] # 3: nothing has changed since the last demo
	$(NBA) similar TICKET-0042
	$(NBA) recommend TICKET-0042

# The whole suite. The model, its runtime and what the examples need must be there: their absence is a failure.
test: runtime examples
	NBA_REQUIRE_MODEL=1 NBA_REQUIRE_EXAMPLES=1 NBA_PYTHON=$(VENV)/bin/python $(CARGO) test --locked

# What the Python examples need, pinned, in a folder of its own below the target folder.
examples: $(VENV)/installed
$(VENV)/installed: examples/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r examples/requirements.txt
	touch $@

# ONNX Runtime: pinned, checked, into models/runtime/; nothing where a usable one is installed.
runtime:
	$(PYTHON) models/get_runtime.py

release:
	$(CARGO) build --release --locked

bench: runtime release
	$(CARGO) bench --locked

clean-index:
	rm -rf index
