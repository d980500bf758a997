#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# clang-kernel.sh ARGUMENT...: runs clang instead of the gcc that the kernel's headers were
# configured for. Leaves out options that only gcc has; none of them concerns warnings.

set -u
args=()
for arg; do
	case $arg in
	-mfunction-return=thunk-extern | -mharden-sls=* | -fconserve-stack | -mrecord-mcount | \
		-ftrivial-auto-var-init=zero | -fzero-call-used-regs=* | -mindirect-branch* | \
		-mpreferred-stack-boundary=* | -falign-jumps=* | -fno-allow-store-data-races | \
		-fmin-function-alignment=* | -fsanitize=bounds-strict | -fplugin*) ;;
	*) args+=("$arg") ;;
	esac
done
exec clang "${args[@]}" -Wno-unknown-warning-option -Wno-gnu
