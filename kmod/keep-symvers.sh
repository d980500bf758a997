#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# keep-symvers.sh DIRECTORY: DKMS runs it after a build, in the directory of the build, which it
# removes afterwards. A driver that publishes needs the modules' exported symbols and the headers of
# the same version: DIRECTORY gets Module.symvers, and a link `include`. DKMS removes DIRECTORY
# together with the modules.

set -eu
cp kmod/Module.symvers "$1/Module.symvers"
ln -sfn ../../source/include "$1/include"
