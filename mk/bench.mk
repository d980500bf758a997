# SPDX-License-Identifier: GPL-2.0-only
#
# ringbench, its helpers and vmbench, and the targets that run them.

.PHONY: bench-build bench bench-quick bench-check bench-report bench-vm bench-vm-bpf demo-locks
bench-build: $(O)/ringbench

# Dependencies between the folders: cases and vm on peers and core, peers on core.
CORE_OBJS	:= $(call objects,$(wildcard bench/core/*.c))
BENCH_OBJS	:= $(call objects,$(wildcard bench/peers/*.c) $(call sources,bench/cases))
VMBENCH_OBJS	:= $(call objects,$(filter-out %.bpf.c,$(wildcard bench/vm/*.c)))

# Tables omit zero fields.
$(CORE_OBJS) $(BENCH_OBJS) $(VMBENCH_OBJS): CFLAGS_ALL += -Wno-missing-field-initializers
$(addprefix $(O)/bench/cases/bpf/,publish.o consume.o counted.o): $(O)/bench/cases/bpf/bench.skel.h
$(O)/bench/cases/bpf/counted.o: $(O)/bench/cases/bpf/bench_any.skel.h
$(O)/ringbench: $(BENCH_OBJS) $(CORE_OBJS) $(O)/libring-bpf.a $(O)/libring.a
	$(call link,$(LIBBPF) -lm)

# Contenders that run in programs of their own; a run says which of them are missing.
ICEORYX		:= $(lastword $(wildcard /usr/include/iceoryx/v*))
ifeq ($(filter asan tsan m32 arm64,$(SAN)),)
bench-build: $(O)/ringbench-place \
	     $(if $(wildcard $(ICEORYX)/iceoryx_binding_c/runtime.h),$(O)/ringbench-iceoryx) \
	     $(if $(shell $(PKG_CONFIG) --exists lttng-ust && echo y),$(O)/ringbench-lttng) \
	     $(if $(shell $(PKG_CONFIG) --exists libnl-genl-3.0 && echo y),$(O)/vmbench)
endif
HELPERS		:= $(O)/bench/peers/helpers
$(HELPERS)/iceoryx.o: CPPFLAGS_ALL += -isystem $(ICEORYX)
$(HELPERS)/lttng.o: CPPFLAGS_ALL += -Ibench/peers/helpers

$(O)/ringbench-place: bench/peers/helpers/place.sh
	$(Q)install -m 755 $< $@

$(O)/ringbench-iceoryx: $(HELPERS)/iceoryx.o $(HELPERS)/helper.o $(CORE_OBJS)
	$(call link,-liceoryx_binding_c -lm)

$(O)/ringbench-lttng: $(HELPERS)/lttng.o $(HELPERS)/helper.o $(CORE_OBJS)
	$(call link,$(call libs,lttng-ust) -lm)

# bench/vm/run.sh copies vmbench into the VM, with the libraries that it needs.
$(VMBENCH_OBJS): CPPFLAGS_ALL += $(shell $(PKG_CONFIG) --cflags libnl-genl-3.0 2>/dev/null) \
	-Ibench/vm
$(O)/bench/vm/tracers.o: $(O)/bench/vm/streams.skel.h
$(O)/vmbench: $(VMBENCH_OBJS) $(CORE_OBJS) $(O)/libring.a
	$(call link,$(LIBBPF) $(call libs,libnl-genl-3.0) -lm)

$(O)/bench/vm/demo/demo: $(addprefix $(O)/bench/vm/,demo/demo.o guest.o readers.o) $(CORE_OBJS) \
	$(O)/libring.a
	$(call link,-lm)

# The scripts install what they need, and then build it themselves.
bench:
	bench/run.sh full

bench-quick bench-check bench-report:
	bench/run.sh $(@:bench-%=%)

# The Python module beside C.
$(O)/bench/python/drain: $(O)/bench/python/drain.o $(O)/libring.a
	$(call link)

.PHONY: bench-python
bench-python: python $(O)/bench/python/drain
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$(O)/python LD_LIBRARY_PATH=$(O) \
		bench/python/run.py $(O)

# On both kernels; the targets are for Linux 6.1.
bench-vm:
	bench/vm/run.sh 6.1
	bench/report/from_locks.py build/bench/vm-6.1.json docs/guide/from-locks.md
	bench/vm/run.sh 6.12

# The kernel turns preemption off on 6.12, and the program on the newest.
bench-vm-bpf:
	bench/vm/bpf.sh 6.12
	bench/vm/bpf.sh newest

demo-locks:
	bench/vm/demo/demo.sh
