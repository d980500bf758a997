# SPDX-License-Identifier: GPL-2.0-only
#
# make            the library, the tools, the bench and the test programs
# make modules    the kernel modules, against KDIR
# make test       all the tests; fetches what they need through apt
# make demo       the main job on real kernel events
# make help       the rest

# V=1 shows the commands.
Q := $(if $(V),,@)

VERSION	:= 0.1.0
SONAME	:= libring.so.0
BPF_SONAME := libring-bpf.so.0

prefix		?= /usr/local
exec_prefix	?= $(prefix)
bindir		?= $(exec_prefix)/bin
libdir		?= $(exec_prefix)/lib
includedir	?= $(prefix)/include
datadir		?= $(prefix)/share
KDIR		?= /lib/modules/$(shell uname -r)/build

# SAN=asan, tsan, m32, clang or arm64 builds everything once more, beside the first.
SAN	?=
O	:= build/$(or $(SAN),native)

ifeq ($(origin CC),default)
CC		:= gcc
endif
CFLAGS		?= -O2 -g
WARN		:= -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow
CPPFLAGS_ALL	= -Iinclude -I$(O) -D_GNU_SOURCE -MMD -MP $(CPPFLAGS)
CFLAGS_ALL	= -std=gnu11 -pthread $(WARN) $(CFLAGS) $(SAN_$(SAN))
SAN_		:=
SAN_asan	:= -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_tsan	:= -fsanitize=thread
SAN_m32		:= -m32
SAN_clang	:=
ifeq ($(SAN),clang)
CC		:= clang
endif
LDFLAGS_ALL	= -pthread $(LDFLAGS) $(SAN_$(SAN))
PKG_CONFIG	:= pkg-config
MACHINE		:= $(shell uname -m)
BPF_INCLUDE	:= /usr/include/$(MACHINE)-linux-gnu
# Compiler and libraries are fetched when they are not there.
ifeq ($(SAN),arm64)
MACHINE		:= aarch64
CROSS		:= $(shell eval "$$(tests/kernel/arm64/tools.sh)"; echo "$$CROSS")
SYSROOT		:= $(shell tests/kernel/arm64/sysroot.sh)
$(if $(and $(CROSS),$(SYSROOT)),,$(error no cross compiler or no libraries for arm64))
CC		:= $(CROSS)gcc
AR		:= $(CROSS)ar
SYSLIB		:= $(SYSROOT)/usr/lib/aarch64-linux-gnu
BPF_INCLUDE	:= $(SYSROOT)/usr/include/aarch64-linux-gnu
# Of DWARF 5, binutils 2.40 names the wrong file for some lines (tests/kernel/arm64/barriers.py).
SAN_arm64	:= -gdwarf-4 --sysroot=$(SYSROOT) -isystem $(BPF_INCLUDE) -B$(SYSLIB) -L$(SYSLIB) \
		   -L$(SYSROOT)/lib/aarch64-linux-gnu \
		   -Wl,-rpath-link=$(SYSROOT)/lib/aarch64-linux-gnu:$(SYSLIB)
PKG_CONFIG	:= PKG_CONFIG_LIBDIR=$(SYSLIB)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig \
		   PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) pkg-config
endif

# sources DIRECTORY...: every C file below, without those of BPF programs.
sources		= $(sort $(filter-out %.bpf.c,$(shell find $(1) -name '*.c')))

BPF_LIB_SRCS	:= $(call sources,libring/bpf)
LIB_OBJS	:= $(patsubst %.c,$(O)/%.o,$(filter-out $(BPF_LIB_SRCS),$(call sources,libring)))
LIB_PIC		:= $(LIB_OBJS:.o=.pic.o)
BPF_LIB_OBJS	:= $(BPF_LIB_SRCS:%.c=$(O)/%.o)
BPF_LIB_PIC	:= $(BPF_LIB_OBJS:.o=.pic.o)
LIBBPF		:= $(shell $(PKG_CONFIG) --libs libbpf 2>/dev/null || echo -lbpf)
# libbpf is not to be had for 32 bits beside 64.
BPF_LIB		:= $(addprefix $(O)/,libring-bpf.a $(BPF_SONAME) libring-bpf.so libring-bpf.pc)
ifeq ($(SAN),m32)
BPF_LIB		:=
endif
TOOL_OBJS	:= $(patsubst %.c,$(O)/%.o,$(filter-out tools/demo/%,$(call sources,tools)))
BENCH_OBJS	:= $(patsubst %.c,$(O)/%.o,$(filter-out %.bpf.c,$(wildcard bench/*.c bench/bpf/*.c \
		   bench/peers/*.c bench/latency/*.c)))
UNIT_TESTS	:= $(patsubst %.c,$(O)/%,$(wildcard tests/unit/test_*.c))
# Programs that tests run: one file each.
TEST_PROGS	:= $(patsubst %.c,$(O)/%,$(wildcard tests/stress/*.c tests/kernel/vm/progs/*.c))
ifneq ($(MACHINE),x86_64)
TEST_PROGS	:= $(filter-out %/tsc_khz,$(TEST_PROGS))
endif
# Those of BPF rings, and the objects that they load, which lie beside them.
BPF_TESTS	:= $(patsubst %.c,$(O)/%,$(filter-out %.bpf.c,$(wildcard tests/bpf/*.c))) \
		   $(patsubst %.c,$(O)/%.o,$(wildcard tests/bpf/*.bpf.c))

.PHONY: all lib tools bench-build test-build modules install uninstall clean help
all: lib tools bench-build test-build
lib: $(O)/libring.a $(O)/$(SONAME) $(O)/libring.so $(O)/libring.pc $(BPF_LIB)
tools: $(O)/ringctl
bench-build: $(O)/ringbench
test-build: $(UNIT_TESTS) $(TEST_PROGS) $(BPF_TESTS)

$(O)/%.pic.o: %.c
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -fPIC -fvisibility=hidden -c -o $@ $<

$(O)/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC  $@'
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

# BPF programs, and headers with their objects in them.
CLANG		?= clang
# Debian has it where only root looks.
BPFTOOL		?= $(shell PATH="$$PATH:/usr/sbin" command -v bpftool || echo bpftool)
BPF_ARCH	:= $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(MACHINE)))
BPF_CFLAGS	:= -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
		   -D__TARGET_ARCH_$(BPF_ARCH) \
		   -idirafter $(BPF_INCLUDE) -Iinclude

$(O)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	@echo '  BPF $@'
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -c -o $@ $<

$(O)/%.skel.h: $(O)/%.bpf.o
	@echo '  GEN $@'
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@.tmp 2>$@.log || \
		{ cat $@.log; false; }
	$(Q)mv $@.tmp $@

$(O)/libring.a: $(LIB_OBJS)
	@rm -f $@
	@echo '  AR  $@'
	$(Q)$(AR) rcs $@ $^

$(O)/$(SONAME): $(LIB_PIC) libring/libring.map
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=libring/libring.map \
		-Wl,--no-undefined-version -o $@ $(LIB_PIC)

$(O)/libring.so: $(O)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

$(O)/libring-bpf.a: $(BPF_LIB_OBJS)
	@rm -f $@
	@echo '  AR  $@'
	$(Q)$(AR) rcs $@ $^

$(O)/$(BPF_SONAME): $(BPF_LIB_PIC) $(O)/libring.so libring/bpf/libring-bpf.map
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -shared -Wl,-soname,$(BPF_SONAME) \
		-Wl,--version-script=libring/bpf/libring-bpf.map -Wl,--no-undefined-version \
		-o $@ $(BPF_LIB_PIC) $(O)/libring.so $(LIBBPF)

$(O)/libring-bpf.so: $(O)/$(BPF_SONAME)
	$(Q)ln -sf $(BPF_SONAME) $@

# Each time: the directories may be others.
.PHONY: FORCE
$(O)/libring.pc: libring/libring.pc.in FORCE
$(O)/libring-bpf.pc: libring/bpf/libring-bpf.pc.in FORCE
$(O)/libring.pc $(O)/libring-bpf.pc:
	@mkdir -p $(@D)
	$(Q)sed -e 's|@prefix@|$(prefix)|' -e 's|@exec_prefix@|$(exec_prefix)|' \
	    -e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
	    -e 's|@version@|$(VERSION)|' $< > $@

$(O)/tools/trace/load.o: $(O)/tools/trace/trace.skel.h
$(O)/ringctl: $(TOOL_OBJS) $(O)/libring-bpf.a $(O)/libring.a
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBBPF) $(shell $(PKG_CONFIG) --libs json-c libseccomp)

BENCH_LIBS	:= json-c gsl
$(O)/bench/bpf/contender.o $(O)/bench/bpf/consumer.o: $(O)/bench/bpf/bench.skel.h
$(O)/bench/latency/bpf.o: $(O)/bench/latency/latency.skel.h
$(O)/ringbench: $(BENCH_OBJS) $(O)/libring-bpf.a $(O)/libring.a
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBBPF) $(shell $(PKG_CONFIG) --libs $(BENCH_LIBS)) -lm

# Peers that run in programs of their own; a run says which of them are not there.
ICEORYX		:= $(lastword $(wildcard /usr/include/iceoryx/v*))
ifeq ($(filter asan tsan m32 arm64,$(SAN)),)
PEER_PROGS	:= $(O)/ringbench-place
PEER_PROGS	+= $(if $(wildcard $(ICEORYX)/iceoryx_binding_c/runtime.h),$(O)/ringbench-iceoryx)
PEER_PROGS	+= $(if $(shell $(PKG_CONFIG) --exists lttng-ust && echo y),$(O)/ringbench-lttng)
endif
bench-build: $(PEER_PROGS)
PEER_OBJS	:= $(addprefix $(O)/bench/,peers/helpers/common.o peers/helpers/helper.o \
		   peers/round.o stream.o harness.o)
$(O)/bench/peers/helpers/iceoryx.o: CPPFLAGS_ALL += -isystem $(ICEORYX)
$(O)/bench/peers/helpers/lttng.o: CPPFLAGS_ALL += -Ibench/peers/helpers

$(O)/ringbench-place: $(O)/bench/peers/helpers/place.o $(O)/bench/peers/helpers/common.o \
		$(O)/bench/harness.o
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

$(O)/ringbench-iceoryx: $(O)/bench/peers/helpers/iceoryx.o $(PEER_OBJS)
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -liceoryx_binding_c

$(O)/ringbench-lttng: $(O)/bench/peers/helpers/lttng.o $(PEER_OBJS)
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(shell $(PKG_CONFIG) --libs lttng-ust)

# What bench/vm/run.sh takes into the VM, with the dependencies of that.
ifeq ($(filter asan tsan m32 arm64,$(SAN)),)
bench-build: $(if $(shell $(PKG_CONFIG) --exists libnl-genl-3.0 && echo y),$(O)/vmbench)
endif
VMBENCH_OBJS	:= $(patsubst %.c,$(O)/%.o,$(filter-out %.bpf.c,$(wildcard bench/vm/*.c)) \
		   $(wildcard bench/report*.c bench/machine.c) bench/harness.c)
$(patsubst %.c,$(O)/%.o,$(wildcard bench/vm/*.c)): CPPFLAGS_ALL += -Ibench/vm \
	$(shell $(PKG_CONFIG) --cflags libnl-genl-3.0 2>/dev/null)
$(O)/bench/vm/tracers.o: $(O)/bench/vm/streams.skel.h
$(O)/vmbench: $(VMBENCH_OBJS) $(O)/libring.a
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBBPF) $(shell $(PKG_CONFIG) --libs libnl-genl-3.0 json-c) -lm

$(O)/bench/vm/demo/%: $(O)/bench/vm/demo/%.o $(O)/libring.a
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

$(O)/tests/unit/test_%: $(O)/tests/unit/test_%.o $(O)/libring-bpf.a $(O)/libring.a
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -Wl,--as-needed $(LIBBPF) -lcmocka

$(O)/tests/%: $(O)/tests/%.o $(O)/libring.a
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

$(O)/tests/bpf/%: $(O)/tests/bpf/%.o $(O)/libring-bpf.a $(O)/libring.a
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBBPF)

# The fuzzer of the devices. Its tables leave out what is 0, its calls what they ignore.
DEVFUZZ_OBJS	:= $(patsubst %.c,$(O)/%.o,$(wildcard tests/fuzz/dev_*.c))
$(DEVFUZZ_OBJS): CFLAGS_ALL += -Wno-unused-parameter -Wno-missing-field-initializers
test-build: $(O)/devfuzz
$(O)/devfuzz: $(DEVFUZZ_OBJS)
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

# What the VM also runs as a 32-bit program.
M32_PROGS	:= $(O)/tests/kernel/vm/progs/t_read $(O)/tests/kernel/vm/progs/follow
.PHONY: test-m32
test-m32: $(M32_PROGS)

$(O)/schedwatch: $(O)/tools/demo/schedwatch.o $(O)/libring.a
	@echo '  LD  $@'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

# Out of the tree: the kernel's build leaves its products beside the sources.
modules:
	kmod/build.sh $(KDIR) build/kmod

install: lib tools
	install -d $(DESTDIR)$(libdir)/pkgconfig $(DESTDIR)$(includedir)/seqring $(DESTDIR)$(bindir) \
		$(DESTDIR)$(datadir)/man/man8 $(DESTDIR)$(datadir)/bash-completion/completions
	install -m 644 $(O)/libring.a $(DESTDIR)$(libdir)/
	install -m 755 $(O)/$(SONAME) $(DESTDIR)$(libdir)/
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libring.so
	install -m 644 $(O)/libring-bpf.a $(DESTDIR)$(libdir)/
	install -m 755 $(O)/$(BPF_SONAME) $(DESTDIR)$(libdir)/
	ln -sf $(BPF_SONAME) $(DESTDIR)$(libdir)/libring-bpf.so
	install -m 644 $(O)/libring.pc $(O)/libring-bpf.pc $(DESTDIR)$(libdir)/pkgconfig/
	install -m 644 $(wildcard include/libring*.h) $(DESTDIR)$(includedir)/
	install -m 644 $(wildcard include/seqring/*.h) $(DESTDIR)$(includedir)/seqring/
	install -m 755 $(O)/ringctl $(DESTDIR)$(bindir)/
	install -m 644 tools/ringctl.8 $(DESTDIR)$(datadir)/man/man8/
	install -m 644 tools/ringctl.bash-completion \
		$(DESTDIR)$(datadir)/bash-completion/completions/ringctl

uninstall:
	rm -f $(DESTDIR)$(libdir)/libring.a $(DESTDIR)$(libdir)/$(SONAME) \
		$(DESTDIR)$(libdir)/libring.so $(DESTDIR)$(libdir)/pkgconfig/libring.pc \
		$(DESTDIR)$(libdir)/libring-bpf.a $(DESTDIR)$(libdir)/$(BPF_SONAME) \
		$(DESTDIR)$(libdir)/libring-bpf.so \
		$(DESTDIR)$(libdir)/pkgconfig/libring-bpf.pc \
		$(patsubst include/%,$(DESTDIR)$(includedir)/%,$(wildcard include/libring*.h)) \
		$(DESTDIR)$(bindir)/ringctl \
		$(patsubst include/%,$(DESTDIR)$(includedir)/%,$(wildcard include/seqring/*.h)) \
		$(DESTDIR)$(datadir)/man/man8/ringctl.8 \
		$(DESTDIR)$(datadir)/bash-completion/completions/ringctl

# SUITES="unit-native vm-6.1": only those.
.PHONY: test test-debug mutants soak demo demo-vm bench bench-quick bench-check bench-report check-style bench-vm demo-locks
test:
	tests/run.sh $(SUITES)

# One safeguard after the other taken out; the test meant for it has to fail. REST=1: only
# those that no earlier run has seen fail.
mutants:
	tests/deps.sh
	make -s -j2 all
	tests/mutants/run.py $(if $(REST),--rest); status=$$?; \
		tests/mutants/run.py --write-doc && exit $$status

# The module on kernels that look for mistakes, which are built when they are not there.
test-debug:
	tests/run.sh debug-self-a kunit-a vm-debug-a debug-self-b kunit-b vm-debug-b vm-rt fuzz-dev

# For hours, one after the other; SOAK=native or vm: only that one.
HOURS	?= 1
SOAK	?= native vm
soak:
	tests/deps.sh build test vm
	set -e; for where in $(SOAK); do tests/soak/soak.py $$where --hours $(HOURS); done

demo:
	tools/demo/demo.sh

demo-vm:
	tools/demo/demo.sh vm

# They build it themselves, when they have seen to what it needs.
bench:
	bench/run.sh full

bench-quick bench-check bench-report:
	bench/run.sh $(@:bench-%=%)

# On both kernels; Linux 6.1 decides about targets.
bench-vm:
	bench/vm/run.sh 6.1
	bench/vm/figures.py build/bench/vm-6.1.json docs/from-locks.md
	bench/vm/run.sh 6.12

demo-locks:
	bench/vm/demo/demo.sh

check-style:
	tests/deps.sh build bench test vm style
	tests/static/style.sh
	tests/static/run.sh

clean:
	rm -rf build

help:
	@echo 'make [all]        library, tools, bench, test programs   (SAN=asan|tsan|m32|clang|arm64)'
	@echo 'make modules      kernel modules, against KDIR=$(KDIR)'
	@echo 'make install      library, headers, ringctl              (prefix=, DESTDIR=)'
	@echo 'make test         all the tests, or SUITES="..."         (see tests/run.sh)'
	@echo 'make mutants      safeguards taken out one by one; each must be missed'
	@echo 'make test-debug   on kernels with KASAN, lockdep, KCSAN, PREEMPT_RT; fuzzing'
	@echo 'make soak HOURS=1 everything at once, for hours          (SOAK=native|vm)'
	@echo 'make demo         three readers of real scheduler events (demo-vm: in a VM)'
	@echo 'make bench        what it costs, beside limits and peers: docs/benchmarks.md, minutes'
	@echo 'make bench-quick  the same in less than a minute, printed only'
	@echo 'make bench-check  the same, and fails when a target is missed (ALLOW_SKIPS=1)'
	@echo 'make bench-report docs/benchmarks.md anew from what was measured before'
	@echo 'make bench-vm    the module beside locks, netlink, relay, perf: in a VM'
	@echo 'make demo-locks  a page shared with locks, and with a seqring: in a VM'
	@echo 'make check-style  checkpatch, sparse, clang-tidy, cppcheck, coccinelle, shellcheck ...'
	@echo 'make clean'

.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
