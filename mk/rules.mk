# SPDX-License-Identifier: GPL-2.0-only
#
# Rules that make one file from another, for all parts of the project.

# sources DIRECTORY...: every C file below, without those of BPF programs.
sources		= $(sort $(filter-out %.bpf.c,$(shell find $(1) -name '*.c')))
objects		= $(patsubst %.c,$(O)/%.o,$(1))

define compile
@mkdir -p $(@D)
@echo '  CC  $@'
$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(1) -c -o $@ $<
endef

# link FLAGS-AND-LIBRARIES: a program or a shared library from all objects and libraries
# that it depends on, and what libring.a needs.
define link
@mkdir -p $(@D)
@echo '  LD  $@'
$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o %.a %.so,$^) $(1) \
	$(if $(filter %/libring.a,$^),$(ZSTD_LIBS))
endef

# A comma within $(call) would separate arguments.
AS_NEEDED := -Wl,--as-needed

# shared SONAME,MAP: the flags of a shared library.
shared = -shared -Wl,-soname,$(1) -Wl,--version-script=$(2) -Wl,--no-undefined-version

# libs PACKAGE...: the flags that link with these packages of pkg-config.
libs = $(shell $(PKG_CONFIG) --libs $(1))

# An order-only prerequisite: it runs first, and nothing is built again because of it.
.PHONY: need
need:
	@CC='$(CC) $(SAN_$(SAN))' PKG_CONFIG='$(PKG_CONFIG)' CLANG='$(CLANG)' BPFTOOL='$(BPFTOOL)' \
		PYTHON_CONFIG='$(PYTHON_CONFIG)' mk/need.sh $(sort $(NEED))

$(O)/%.pic.o: %.c | need
	$(call compile,-fPIC -fvisibility=hidden)

$(O)/%.o: %.c | need
	$(call compile)

$(O)/%.bpf.o: %.bpf.c | need
	@mkdir -p $(@D)
	@echo '  BPF $@'
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -c -o $@ $<

# A header with the BPF object in it.
$(O)/%.skel.h: $(O)/%.bpf.o
	@echo '  GEN $@'
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@.tmp 2>$@.log || \
		{ cat $@.log; false; }
	$(Q)mv $@.tmp $@

$(O)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	@echo '  AR  $@'
	$(Q)$(AR) rcs $@ $^

# Made each time, since the installation directories may have changed.
.PHONY: FORCE
$(O)/%.pc: FORCE
	@mkdir -p $(@D)
	$(Q)sed -e 's|@prefix@|$(prefix)|' -e 's|@exec_prefix@|$(exec_prefix)|' \
	    -e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
	    -e 's|@version@|$(VERSION)|' -e 's|@zstd@|$(ZSTD_LIBS)|' $(filter %.pc.in,$^) > $@

$(O)/%.service: FORCE
	@mkdir -p $(@D)
	$(Q)sed 's|@sbindir@|$(sbindir)|' $(filter %.service.in,$^) > $@

.SECONDARY:
-include $(shell find $(O) -name '*.d' -type f 2>/dev/null)
