# SPDX-License-Identifier: GPL-2.0-only
#
# make            the library and the tools
# make check      the tests that a change needs before it is sent, minutes
# make test       the tests that CI runs; fetches what they need through apt
# make demo       the main job on real kernel events
# make help       the rest
#
# How files are made is in mk/: flags.mk, rules.mk, bench.mk, install.mk, module.mk,
# package.mk.

.PHONY: all
all:

include mk/flags.mk mk/rules.mk

BPF_LIB_SRCS	:= $(call sources,libring/bpf libring/schema)
PYTHON_SRCS	:= $(call sources,libring/python)
LIB_OBJS	:= $(call objects,$(filter-out $(BPF_LIB_SRCS) $(PYTHON_SRCS),$(call sources,libring)))
BPF_LIB_OBJS	:= $(call objects,$(BPF_LIB_SRCS))
# Debian has no libbpf of 32 bits beside that of 64.
ifneq ($(SAN),m32)
BPF_LIB		:= $(addprefix $(O)/,libring-bpf.a $(BPF_SONAME) libring-bpf.so libring-bpf.pc)
endif
TOOL_OBJS	:= $(call objects,$(filter-out tools/demo/% tools/babeltrace2/% tools/fleet/% tools/ringd/% \
		   $(if $(HTTP),%/lib/http_without.c,%/lib/http.c) $(if $(NCURSES),%/top/without.c,\
		   tools/ringctl/top/screen% %/top/terminal.c) $(if $(NATS),%/fetch/without.c,\
		   tools/nats/% %/fetch/fetch.c %/fetch_run.c %/fetch/keep.c %/fetch/streams.c),\
		   $(call sources,tools)))
# Agents share this with readers of their messages.
FLEET_OBJS	:= $(call objects,$(call sources,tools/fleet))
UNIT_TESTS	:= $(patsubst %.c,$(O)/%,$(wildcard tests/unit/test_*.c))
# Programs that tests run: one file each.
TEST_PROGS	:= $(patsubst %.c,$(O)/%,$(wildcard tests/stress/*.c tests/cli/*.c \
		   tests/kernel/vm/progs/*.c)) $(O)/tests/abi/writer
ifneq ($(MACHINE),x86_64)
TEST_PROGS	:= $(filter-out %/tsc_khz,$(TEST_PROGS))
endif
# The programs that use BPF rings, and the objects that they load from their own directory.
BPF_TESTS	:= $(patsubst %.c,$(O)/%,$(filter-out %.bpf.c,$(wildcard tests/bpf/*.c))) \
		   $(patsubst %.c,$(O)/%.o,$(wildcard tests/bpf/*.bpf.c)) \
		   $(addprefix $(O)/tests/abi/,pinned pinned.bpf.o)
# The fuzzer of the devices.
DEVFUZZ_OBJS	:= $(call objects,$(wildcard tests/fuzz/dev_*.c))
# The programs that the VM also runs as 32-bit ones.
M32_PROGS	:= $(O)/tests/kernel/vm/progs/t_read $(O)/tests/kernel/vm/progs/follow

# The agent is built with the tools where the libraries that it needs are.
RINGD_LIBS	:= libnats inih libsystemd libmicrohttpd
HAS_RINGD	:= $(if $(filter m32 arm64,$(SAN)),,$(shell $(PKG_CONFIG) --exists $(RINGD_LIBS) && echo y))
FLEET_TESTS	:= $(if $(HAS_RINGD),$(patsubst %.c,$(O)/%,$(wildcard tests/fleet/*.c)))
RINGD_OBJS	:= $(call objects,$(call sources,tools/ringd) tools/nats/connect.c \
		   $(addprefix tools/lib/,clock.c http.c json_text.c message.c out.c parse.c replace.c signals.c text.c))

# The plug-in is built with the tools where the headers of babeltrace2 are.
HAS_BT		:= $(if $(filter asan tsan m32 arm64,$(SAN)),,$(shell $(PKG_CONFIG) --exists babeltrace2 && echo y))
BT_PLUGIN	:= $(O)/babeltrace-plugin-seqring.so

# The Python module is built with the tools where the headers of Python are.
PYTHON_CONFIG	?= /usr/bin/python3-config
PYTHON_SUFFIX	:= $(if $(filter tsan m32 arm64,$(SAN)),,$(shell $(PYTHON_CONFIG) --extension-suffix 2>/dev/null))
PYTHON_INCLUDE	:= $(if $(PYTHON_SUFFIX),$(patsubst -I%,-isystem %,$(shell $(PYTHON_CONFIG) --includes)))
# Where Debian's Python looks, for packages and for what is built from source.
pythondir	?= $(prefix)/lib/$(if $(filter /usr,$(prefix)),python3,$(notdir $(lastword $(PYTHON_INCLUDE))))/dist-packages
PYTHON_PACKAGE	:= __init__.py py.typed _ring.pyi
PYTHON_FILES	:= $(addprefix $(O)/python/ring/,$(PYTHON_PACKAGE) _ring$(PYTHON_SUFFIX))

.PHONY: everything lib libring tools babeltrace2 ringd python test-build san-build bpf-build test-m32
all: lib tools
everything: lib tools bench-build test-build
lib: libring $(BPF_LIB)
libring: $(O)/libring.a $(O)/$(SONAME) $(O)/libring.so $(O)/libring.pc
tools: $(O)/ringctl $(if $(HAS_BT),babeltrace2) $(if $(HAS_RINGD),ringd) $(if $(PYTHON_SUFFIX),python)
ringd: $(O)/ringd $(O)/ringd.service
babeltrace2: $(BT_PLUGIN)
python: $(PYTHON_FILES)
unit-build: $(UNIT_TESTS)
test-build: unit-build $(TEST_PROGS) $(BPF_TESTS) $(O)/devfuzz $(O)/tests/loops/loops $(FLEET_TESTS)
# The tests that also run with a sanitizer, or in make check.
san-build: unit-build $(O)/tests/stress/torture
bpf-build: $(BPF_TESTS)
test-m32: $(M32_PROGS)

$(O)/libring.a: $(LIB_OBJS)
$(O)/libring-bpf.a: $(BPF_LIB_OBJS)
$(O)/fleet.a: $(FLEET_OBJS)
$(O)/libring.pc: libring/libring.pc.in
$(O)/libring-bpf.pc: libring/bpf/libring-bpf.pc.in

$(O)/$(SONAME): $(LIB_OBJS:.o=.pic.o) libring/libring.map
	$(call link,$(call shared,$(SONAME),libring/libring.map) $(ZSTD_LIBS))

$(O)/$(BPF_SONAME): $(BPF_LIB_OBJS:.o=.pic.o) $(O)/libring.so libring/bpf/libring-bpf.map
	$(call link,$(call shared,$(BPF_SONAME),libring/bpf/libring-bpf.map) $(LIBBPF))

$(O)/libring.so: $(O)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

$(O)/libring-bpf.so: $(O)/$(BPF_SONAME)
	$(Q)ln -sf $(BPF_SONAME) $@

$(O)/tools/ringctl/trace/load.o: $(O)/tools/ringctl/trace/bpf/trace.skel.h
$(O)/ringctl: $(TOOL_OBJS) $(O)/fleet.a $(O)/libring-bpf.a $(O)/libring.a
	$(call link,$(LIBBPF) $(call libs,json-c libseccomp $(NCURSES) $(HTTP) $(NATS)))

# The agent.
$(O)/ringd: $(RINGD_OBJS) $(O)/fleet.a $(O)/libring.a
	$(call link,$(call libs,$(RINGD_LIBS)))

$(O)/ringd.service: tools/ringd/ringd.service.in

# The plug-in of babeltrace2.
BT_OBJS		:= $(patsubst %.c,$(O)/%.pic.o,$(call sources,tools/babeltrace2) \
		   $(addprefix tools/lib/,clock.c out.c signals.c text.c value.c) \
		   $(addprefix tools/ringctl/export/,plan.c utf8.c))
$(BT_PLUGIN): $(BT_OBJS) $(O)/libring-bpf.so $(O)/libring.so
	$(call link,-shared $(call libs,babeltrace2))

# The Python module.
PYTHON_OBJS	:= $(patsubst %.c,$(O)/%.pic.o,$(PYTHON_SRCS))
$(PYTHON_OBJS): CPPFLAGS_ALL += $(PYTHON_INCLUDE)
$(O)/python/ring/_ring$(PYTHON_SUFFIX): $(PYTHON_OBJS) $(O)/libring-bpf.so $(O)/libring.so
	$(call link,-shared -lm)

$(addprefix $(O)/python/ring/,$(PYTHON_PACKAGE)): $(O)/python/ring/%: libring/python/ring/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(O)/schedwatch: $(O)/tools/demo/schedwatch.o $(O)/libring.a
	$(call link)

$(O)/tests/unit/test_%: $(O)/tests/unit/test_%.o $(O)/fleet.a $(O)/libring-bpf.a $(O)/libring.a
	$(call link,$(AS_NEEDED) $(LIBBPF) -lcmocka -lseccomp)

$(O)/tests/unit/test_out: $(addprefix $(O)/tools/lib/,clock.o json_text.o out.o signals.o text.o)

$(O)/tests/fleet/%: $(O)/tests/fleet/%.o $(O)/fleet.a $(O)/libring.a
	$(call link,$(AS_NEEDED) $(call libs,libnats) -lseccomp)

$(O)/tests/%: $(O)/tests/%.o $(O)/libring.a
	$(call link)

$(O)/tests/loops/%: $(O)/tests/loops/%.o $(O)/libring.a
	$(call link,-levent_core -luv -lsystemd)

$(O)/tests/bpf/%: $(O)/tests/bpf/%.o $(O)/libring-bpf.a $(O)/libring.a
	$(call link,$(AS_NEEDED) $(LIBBPF) -lseccomp)

$(O)/tests/abi/pinned: $(O)/tests/abi/pinned.o $(O)/libring-bpf.a $(O)/libring.a
	$(call link,$(AS_NEEDED) $(LIBBPF) -lseccomp)

# Its tables omit zero fields, its callbacks ignore parameters: silence those warnings.
$(DEVFUZZ_OBJS): CFLAGS_ALL += -Wno-unused-parameter -Wno-missing-field-initializers
$(O)/devfuzz: $(DEVFUZZ_OBJS)
	$(call link)

include mk/bench.mk mk/install.mk mk/module.mk mk/package.mk

# SUITES="unit-native vm-6.1" runs only these suites.
.PHONY: check test test-long test-debug mutants soak demo demo-vm demo-fleet check-style
test:
	tests/run.sh $(SUITES)

check:
	tests/run.sh --check

test-long:
	tests/run.sh --long

# Removes one safeguard at a time; the test that is meant for it must fail. REST=1 tries only
# those that no earlier run has seen fail.
mutants:
	tests/deps.sh
	make -s -j2 everything
	tests/mutants/run.py $(if $(REST),--rest); status=$$?; \
		tests/mutants/run.py --write-doc && exit $$status

# The module on debug kernels, which the scripts build when they are missing.
test-debug:
	tests/run.sh debug-self-a kunit-a vm-debug-a debug-self-b kunit-b vm-debug-b vm-rt fuzz-dev

# The native soak, then the one in the VM, HOURS each; SOAK=native or SOAK=vm runs one of them.
HOURS	?= 1
SOAK	?= native vm
soak:
	tests/deps.sh build test vm
	set -e; for where in $(SOAK); do tests/soak/soak.py $$where --hours $(HOURS); done

demo:
	tools/demo/demo.sh

demo-vm:
	tools/demo/demo.sh vm

demo-fleet:
	tools/demo/fleet.sh

check-style:
	tests/deps.sh build bench test vm style
	tests/static/style.sh
	tests/static/run.sh

clean:
	rm -rf build

help:
	@echo 'Build                                             (V=1 shows the commands)'
	@echo '  make [all]         library and tools              (SAN=asan|tsan|m32|clang|arm64)'
	@echo '  make lib           the library alone; also tools, bench-build, test-build'
	@echo '  make ringd         the agent that sends records to other machines'
	@echo '  make babeltrace2   the plug-in by which babeltrace2 reads recordings'
	@echo '  make python        the Python module; also by make tools, where python3-dev is installed'
	@echo '  make libring       without libring-bpf: needs no libbpf'
	@echo '  make everything    library, tools, bench, test programs, fuzzer of the devices'
	@echo '  make man           manual pages of the libraries, from the headers'
	@echo '  make site          the documentation as a site, in build/site (mkdocs)'
	@echo '  make modules       kernel modules, against KDIR=$(KDIR)'
	@echo '  make install       library, headers, ringctl      (PREFIX=, DESTDIR=)'
	@echo '  make uninstall     removes what install installed (same PREFIX=, DESTDIR=)'
	@echo '  make modules_install  the modules, with depmod    (INSTALL_MOD_PATH=; modules_uninstall)'
	@echo '  make install-dkms  their source, which DKMS builds for each kernel (DESTDIR=)'
	@echo '  make deb           Debian packages, in build/deb'
	@echo '  make dist          source archive, in build/dist, which builds without git'
	@echo '  make clean         removes build/'
	@echo 'Test'
	@echo '  make check         the tests that a change needs before it is sent, minutes'
	@echo '  make check-style   checkpatch, sparse, clang-tidy, cppcheck, coccinelle, shellcheck'
	@echo '  make test          the tests that CI runs, or SUITES="..." (see tests/README.md)'
	@echo '  make test-long     all suites, each in full, hours'
	@echo '  make test-debug    the suites on kernels with KASAN, lockdep, KCSAN, PREEMPT_RT'
	@echo '  make mutants       removes one safeguard at a time; a test must fail each time'
	@echo '  make soak HOURS=1  everything at once, for hours  (SOAK=native|vm)'
	@echo 'Show and measure'
	@echo '  make demo          three readers of real scheduler events (demo-vm: in a VM)'
	@echo '  make demo-fleet    two agents, three servers, one of them killed: an exact account'
	@echo '  make demo-locks    a page shared with locks, and with a seqring: in a VM'
	@echo '  make bench         costs, beside limits and peers, into docs/evidence/benchmarks.md, minutes'
	@echo '  make bench-quick   the same in less than a minute, printed only'
	@echo '  make bench-check   the same; fails if a target is missed (ALLOW_SKIPS=1)'
	@echo '  make bench-python  the Python module beside C, in seconds, printed only'
	@echo '  make bench-report  docs/evidence/benchmarks.md again, from the last measurements'
	@echo '  make bench-vm      the module beside locks, netlink, relay, perf: in a VM'

# make print-VARIABLE: prints the variable, for scripts that need a list from here.
print-%:
	@echo '$($*)'
