# SPDX-License-Identifier: GPL-2.0-only
#
# The modules: built against KDIR, installed there, or as a source that DKMS builds.

.PHONY: modules modules_install modules_uninstall dkms-source install-dkms
# In build/: a kernel's build leaves its products beside the sources.
modules:
	kmod/build.sh $(KDIR) build/kmod

# Below INSTALL_MOD_PATH, as the kernel's own modules_install.
modules_install: modules
	kmod/install.sh $(KDIR) build/kmod

modules_uninstall:
	kmod/install.sh --uninstall $(KDIR)

# The modules' sources without tests, and with the generated schema: DKMS needs neither clang nor
# ringctl.
DKMS_DIR	:= $(O)/dkms
DKMS_SOURCES	:= VERSION kmod/Kbuild kmod/keep-symvers.sh $(wildcard kmod/*.[ch]) kmod/producers/sched.c \
		   $(wildcard include/seqring/*.h) include/linux/seqring.h \
		   LICENSES/GPL-2.0-only.txt LICENSES/MIT.txt LICENSES/Linux-syscall-note.txt

dkms-source: $(O)/ringctl
	@rm -rf $(DKMS_DIR)
	@echo '  GEN $(DKMS_DIR)'
	$(Q)for f in $(DKMS_SOURCES); do \
		mode=644; [ ! -x $$f ] || mode=755; \
		install -D -m $$mode $$f $(DKMS_DIR)/$$f || exit; \
	done
	$(Q)kmod/schema.sh $(O)/ringctl producers/sched $(O)/sched_schema.o \
		$(DKMS_DIR)/kmod/producers/sched_schema.h
	$(Q)sed 's/#MODULE_VERSION#/$(VERSION)/' kmod/dkms.conf >$(DKMS_DIR)/dkms.conf

# DKMS looks in /usr/src, whatever PREFIX is.
install-dkms: dkms-source
	rm -rf $(DESTDIR)/usr/src/seqring-$(VERSION)
	mkdir -p $(DESTDIR)/usr/src
	cp -r $(DKMS_DIR) $(DESTDIR)/usr/src/seqring-$(VERSION)
