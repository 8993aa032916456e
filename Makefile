# One command each: sets up the machine (Debian 12), builds, and runs. Meson does the work.
BUILD ?= build
SETUP_STAMP := $(BUILD)/.packages

.PHONY: all demo test bench check format clean
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

demo: $(BUILD)/build.ninja  ## trains LeNet on handwritten digits
	@ninja -C $(BUILD) demo
	@$(BUILD)/samples/lenet_digits

test: all  ## builds everything and runs all tests but the slow suite, which .ci/run adds
	@scripts/test.py $(BUILD) --no-suite slow

bench: all  ## runs the benchmarks beside the installed peers and prints the ratios
	@python3 benchmarks/compare.py $(BUILD)

check:  ## what continuous integration runs
	@.ci/run

format:  ## lays out the C++ sources
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

clean:
	@rm -rf $(BUILD)

# Packages are looked for again only when the list of them changes.
$(SETUP_STAMP): scripts/setup.sh
	@scripts/setup.sh
	@mkdir -p $(BUILD) && touch $@

$(BUILD)/build.ninja: $(SETUP_STAMP)
	@test -f $@ || meson setup $(BUILD) $(MESON_ARGS)
	@touch $@
