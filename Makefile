# The everyday commands; 'make help' lists them. CMakePresets.json says how each build is made.
# CTEST_ARGS goes to ctest, as in: make test CTEST_ARGS='-R Shape'
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

JOBS ?= $(shell nproc)
BUILD = cmake --build --preset $(1) --parallel $(JOBS)

.PHONY: help build run test gpu-bundle asan tsan fuzz format check tidy clean

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 10

# A configured build folder configures itself again when a CMakeLists.txt changes.
build/%/build.ninja: CMakePresets.json
	@mkdir -p build
	@cmake --preset $* >build/$*.log 2>&1 || { cat build/$*.log; echo "make: CMake could not \
	configure build/$*; 'scripts/install_deps' installs missing packages"; exit 1; } >&2
	@touch $@

build: build/release/build.ninja  ## build the program, build/release/bin/kissa
	@$(call BUILD,release) --target bin/kissa

run:  ## install what is missing, build, classify the example images
	@scripts/install_deps build test
	@$(MAKE) --no-print-directory build
	@scripts/run_examples

test:  ## install what is missing, build, run all tests
	@scripts/install_deps build test
	@$(MAKE) --no-print-directory build/release/build.ninja
	@$(call BUILD,release)
	@ctest --preset release $(CTEST_ARGS)

gpu-bundle: build/gpu/build.ninja build/release/build.ninja  ## one folder for a machine with a GPU
	@$(call BUILD,gpu)
	@$(call BUILD,release) --target bin/kissa kissa_prepare_images
	@scripts/make_gpu_bundle

asan: build/asan/build.ninja  ## run the tests with address and undefined-behaviour checks
	@$(call BUILD,asan)
	@ctest --preset asan $(CTEST_ARGS)

tsan: build/tsan/build.ninja  ## run the tests labelled 'threads' with data-race checks
	@$(call BUILD,tsan)
	@ctest --preset tsan $(CTEST_ARGS)

fuzz: build/fuzz/build.ninja  ## give the readers of files made-up input, FUZZ_SECONDS each (600)
	@scripts/fuzz $(FUZZ_SECONDS)

format:  ## lay out the sources as .clang-format wants them
	@scripts/check_format.sh --fix

check: build/release/build.ninja  ## check layout, layers, ISA objects, scripts; lint what changed
	@$(call BUILD,release)
	@scripts/check_format.sh
	@scripts/check_layers_test.py
	@scripts/check_layers.py
	@scripts/check_isa_objects_test.sh
	@scripts/check_isa_objects.sh build/release
	@scripts/check_scripts.sh
	@scripts/check_tidy.sh

tidy: build/release/build.ninja  ## lint all sources with clang-tidy
	@$(call BUILD,release)
	@scripts/check_tidy.sh --all

clean:  ## remove everything built
	rm -rf build
