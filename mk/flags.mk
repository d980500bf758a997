# SPDX-License-Identifier: GPL-2.0-only
#
# Compilers, their flags, and the directories that things are built in and installed to.

# V=1 shows the commands.
Q := $(if $(V),,@)

VERSION		:= $(file <VERSION)
SONAME		:= libring.so.0
BPF_SONAME	:= libring-bpf.so.0

prefix		?= $(or $(PREFIX),/usr/local)
exec_prefix	?= $(prefix)
bindir		?= $(exec_prefix)/bin
sbindir		?= $(exec_prefix)/sbin
unitdir		?= $(prefix)/lib/systemd/system
libdir		?= $(exec_prefix)/lib
includedir	?= $(prefix)/include
datadir		?= $(prefix)/share
KDIR		?= /lib/modules/$(shell uname -r)/build

# Each SAN (asan, tsan, m32, clang, arm64) has a build directory of its own.
SAN	?=
O	:= build/$(or $(SAN),native)

ifeq ($(origin CC),default)
CC		:= gcc
endif
CFLAGS		?= -O2 -g
# A package sets WERROR= so that a later compiler's new warning does not stop its build.
WERROR		?= -Werror
WARN		:= -Wall -Wextra $(WERROR) -Wmissing-prototypes -Wstrict-prototypes -Wshadow
CPPFLAGS_ALL	= -Iinclude -I$(O) -D_GNU_SOURCE -MMD -MP $(CPPFLAGS)
CFLAGS_ALL	= -std=gnu11 -pthread $(WARN) $(CFLAGS) $(SAN_$(SAN))
LDFLAGS_ALL	= -pthread $(LDFLAGS) $(SAN_$(SAN))
PKG_CONFIG	:= pkg-config
MACHINE		:= $(shell uname -m)
BPF_INCLUDE	:= /usr/include/$(MACHINE)-linux-gnu

SAN_		:=
SAN_asan	:= -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_tsan	:= -fsanitize=thread
SAN_m32		:= -m32
SAN_clang	:=
ifeq ($(SAN),clang)
CC		:= clang
endif
# The scripts fetch the cross compiler and the libraries when they are missing.
ifeq ($(SAN),arm64)
MACHINE		:= aarch64
CROSS		:= $(shell eval "$$(tests/kernel/arm64/tools.sh)"; echo "$$CROSS")
SYSROOT		:= $(shell tests/kernel/arm64/sysroot.sh)
$(if $(and $(CROSS),$(SYSROOT)),,$(error no cross compiler or no libraries for arm64))
CC		:= $(CROSS)gcc
AR		:= $(CROSS)ar
SYSLIB		:= $(SYSROOT)/usr/lib/aarch64-linux-gnu
BPF_INCLUDE	:= $(SYSROOT)/usr/include/aarch64-linux-gnu
# With DWARF 5, binutils 2.40 names the wrong file for some lines (tests/kernel/arm64/barriers.py).
SAN_arm64	:= -gdwarf-4 --sysroot=$(SYSROOT) -isystem $(BPF_INCLUDE) -B$(SYSLIB) -L$(SYSLIB) \
		   -L$(SYSROOT)/lib/aarch64-linux-gnu \
		   -Wl,-rpath-link=$(SYSROOT)/lib/aarch64-linux-gnu:$(SYSLIB)
PKG_CONFIG	:= PKG_CONFIG_LIBDIR=$(SYSLIB)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig \
		   PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) pkg-config
endif
LIBBPF		:= $(shell $(PKG_CONFIG) --libs libbpf 2>/dev/null || echo -lbpf)

# Recordings are compressed by libzstd. ZSTD= builds libring without it, as happens where it is not
# installed. Debian has no libzstd of 32 bits beside that of 64.
ifeq ($(origin ZSTD)$(filter m32,$(SAN)),undefined)
ZSTD		:= $(shell $(PKG_CONFIG) --exists libzstd && echo libzstd)
endif
ZSTD_LIBS	:= $(if $(ZSTD),$(strip $(shell $(PKG_CONFIG) --libs libzstd)))
CPPFLAGS_ALL	+= $(if $(ZSTD),-DLIBRING_ZSTD)

# ringctl top has a screen by ncurses. NCURSES= builds ringctl without it, as happens where it is not
# installed.
ifeq ($(origin NCURSES),undefined)
NCURSES		:= $(shell $(PKG_CONFIG) --exists ncursesw && echo ncursesw)
endif

# ringctl metrics --listen answers by libmicrohttpd. HTTP= builds ringctl without it, likewise.
ifeq ($(origin HTTP),undefined)
HTTP		:= $(shell $(PKG_CONFIG) --exists libmicrohttpd && echo libmicrohttpd)
endif

# ringctl fetch and audit --from read streams by libnats. NATS= builds ringctl without it, likewise.
ifeq ($(origin NATS),undefined)
NATS		:= $(shell $(PKG_CONFIG) --exists libnats && echo libnats)
endif

CLANG		?= clang
# Debian installs bpftool in /usr/sbin, which only root's PATH has.
BPFTOOL		?= $(shell PATH="$$PATH:/usr/sbin" command -v bpftool || echo bpftool)
BPF_ARCH	:= $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(MACHINE)))
# ringctl contains the objects, so they do not name the directory of the build.
BPF_CFLAGS	:= -target bpf -mcpu=v3 -O2 -g -Wall -Wextra $(WERROR) -Wno-unused-parameter \
		   -ffile-prefix-map=$(CURDIR)=. -D__TARGET_ARCH_$(BPF_ARCH) \
		   -idirafter $(BPF_INCLUDE) -Iinclude

# Debian packages that the goals need; mk/need.sh checks them before anything is compiled.
goals		:= $(or $(MAKECMDGOALS),all)
goal		= $(if $(filter $(1),$(goals)),$(2))
NEED		:= cc
ifneq ($(SAN),m32)
# libring itself needs no libbpf.
NEED		+= $(if $(filter-out libring %/libring.a %/libring.so %/libring.pc,$(goals)),libbpf)
NEED		+= $(call goal,all everything tools install %/ringctl,json-c seccomp clang bpftool)
NEED		+= $(call goal,babeltrace2 %/babeltrace-plugin-seqring.so,babeltrace2)
NEED		+= $(call goal,ringd %/ringd %/tests/fleet/stream,libnats)
NEED		+= $(call goal,ringd %/ringd,inih systemd microhttpd)
NEED		+= $(call goal,python,python3-dev)
NEED		+= $(call goal,install man,python3)
NEED		+= $(call goal,install-dkms dkms-source,json-c seccomp clang bpftool)
NEED		+= $(call goal,deb,debhelper)
NEED		+= $(call goal,everything bench-build %/ringbench,clang bpftool)
NEED		+= $(call goal,everything test-build san-build bpf-build,cmocka seccomp clang)
endif
