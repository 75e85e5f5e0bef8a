# The commands of a newcomer. `make demo` and `make test` need Rust, a C compiler, make and python3 with pip.
PYTHON ?= python3
CARGO ?= cargo
TARGET = $(or $(CARGO_TARGET_DIR),target)
NBA = $(TARGET)/release/nba

.PHONY: demo test runtime release bench clean-index

# From a fresh clone to the two commands that matter.
demo: runtime release
	$(NBA) index build --data fixtures --index index || [ $$? = 3 ] # 3: nothing has changed since the last demo
	$(NBA) similar TICKET-0042
	$(NBA) recommend TICKET-0042

# The whole suite. The model and its runtime must be there: their absence is a failure.
test: runtime
	NBA_REQUIRE_MODEL=1 $(CARGO) test --locked

# ONNX Runtime: pinned, checked, into models/runtime/; nothing where a usable one is installed.
runtime:
	$(PYTHON) models/get_runtime.py

release:
	$(CARGO) build --release --locked

bench: runtime release
	$(CARGO) bench --locked

clean-index:
	rm -rf index
