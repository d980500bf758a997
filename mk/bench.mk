# SPDX-License-Identifier: GPL-2.0-only
#
# ringbench, its helpers and vmbench, and the targets that run them.

.PHONY: bench-build bench bench-quick bench-check bench-report bench-vm demo-locks
bench-build: $(O)/ringbench

BENCH_OBJS	:= $(patsubst %.c,$(O)/%.o,$(filter-out %.bpf.c,$(wildcard bench/*.c bench/bpf/*.c \
		   bench/peers/*.c bench/latency/*.c)))
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

# The scripts install what they need, and then build it themselves.
bench:
	bench/run.sh full

bench-quick bench-check bench-report:
	bench/run.sh $(@:bench-%=%)

# On both kernels; the targets are for Linux 6.1.
bench-vm:
	bench/vm/run.sh 6.1
	bench/vm/figures.py build/bench/vm-6.1.json docs/guide/from-locks.md
	bench/vm/run.sh 6.12

demo-locks:
	bench/vm/demo/demo.sh
