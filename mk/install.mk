# SPDX-License-Identifier: GPL-2.0-only
#
# One list says what is installed, so that `make uninstall` removes exactly that.

# include/linux is for kernel code, which is built against the tree.
HEADERS := $(sort $(shell find include -path include/linux -prune -o \
	   '(' -name '*.h' -o -name '*.hpp' -o -name '*.def' ')' -print))

# The manual pages that are made from the headers. Asked for only by goals that need the list.
MAN_PAGES = $(eval MAN_PAGES := $$(shell docs/man/headers.py --list))$(MAN_PAGES)

# Where Debian has packages of Go: GOPATH=/usr/share/gocode finds them.
GO_FILES := $(filter-out %_test.go,$(wildcard libring/go/*.go)) libring/go/glue.h
GO_DIR	 = $(datadir)/gocode/src/seqring/ring

# MODE:SOURCE:DESTINATION; mode `link` makes a symbolic link with the text SOURCE.
INSTALLED = \
	644:$(O)/libring.a:$(libdir)/libring.a \
	755:$(O)/$(SONAME):$(libdir)/$(SONAME) \
	link:$(SONAME):$(libdir)/libring.so \
	644:$(O)/libring.pc:$(libdir)/pkgconfig/libring.pc \
	644:$(O)/libring-bpf.a:$(libdir)/libring-bpf.a \
	755:$(O)/$(BPF_SONAME):$(libdir)/$(BPF_SONAME) \
	link:$(BPF_SONAME):$(libdir)/libring-bpf.so \
	644:$(O)/libring-bpf.pc:$(libdir)/pkgconfig/libring-bpf.pc \
	$(foreach h,$(HEADERS),644:$(h):$(patsubst include/%,$(includedir)/%,$(h))) \
	$(foreach f,$(GO_FILES),644:$(f):$(GO_DIR)/$(notdir $(f))) \
	755:$(O)/ringctl:$(bindir)/ringctl \
	$(if $(HAS_RINGD), \
		755:$(O)/ringd:$(sbindir)/ringd \
		644:$(O)/ringd.service:$(unitdir)/ringd.service \
		644:tools/ringd/ringd.8:$(datadir)/man/man8/ringd.8 \
		644:tools/ringd/ringd.conf.5:$(datadir)/man/man5/ringd.conf.5 \
		644:tools/ringd/ringd.bash-completion:$(datadir)/bash-completion/completions/ringd) \
	$(if $(HAS_BT),755:$(BT_PLUGIN):$(libdir)/babeltrace2/plugins/$(notdir $(BT_PLUGIN))) \
	$(if $(PYTHON_SUFFIX),$(foreach f,$(PYTHON_FILES),644:$(f):$(pythondir)/ring/$(notdir $(f)))) \
	644:tools/ringctl/ringctl.8:$(datadir)/man/man8/ringctl.8 \
	$(foreach p,$(MAN_PAGES),644:$(O)/man/$(p):$(datadir)/man/$(p)) \
	$(foreach p,$(wildcard docs/man/*.[1-8]),644:$(p):$(datadir)/man/man$(subst .,,$(suffix $(p)))/$(notdir $(p))) \
	644:tools/ringctl/ringctl.bash-completion:$(datadir)/bash-completion/completions/ringctl

field		= $(word $(1),$(subst :, ,$(2)))
INSTALLED_FILES	= $(foreach f,$(INSTALLED),$(call field,3,$(f)))
# The directories that hold only files of this list.
INSTALLED_DIRS	= $(filter-out $(includedir)/,$(sort $(dir $(filter $(includedir)/% $(pythondir)/%,$(INSTALLED_FILES)))))

# install_one ENTRY: one line of a recipe.
define install_one
$(if $(filter link,$(call field,1,$(1))),ln -sf,install -D -m $(call field,1,$(1))) \
	$(call field,2,$(1)) $(DESTDIR)$(call field,3,$(1))

endef

.PHONY: man site install uninstall
man: $(O)/man/made

# The documentation as a site of static pages, with a search.
site: man
	@echo '  GEN build/site'
	$(Q)docs/site/build.py $(O)/man build/site

$(O)/man/made: docs/man/headers.py CHANGELOG.md $(wildcard docs/man/examples/*.c) $(HEADERS) | need
	@rm -rf $(@D)
	@echo '  GEN $(@D)'
	$(Q)docs/man/headers.py $(@D)
	@touch $@

install: lib tools man
	$(foreach f,$(INSTALLED),$(call install_one,$(f)))

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED_FILES))
	$(if $(PYTHON_SUFFIX),rm -rf $(DESTDIR)$(pythondir)/ring/__pycache__)
	-for dir in $(addprefix $(DESTDIR),$(INSTALLED_DIRS)); do \
		[ ! -d $$dir ] || rmdir --ignore-fail-on-non-empty $$dir; done
