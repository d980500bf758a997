#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dkms.sh SERIES ROOT OUTDIR: builds and installs the modules by DKMS, as the package seqring-dkms does,
# for the kernel SERIES of tests/kernel/vm/kernel.sh, and README's driver against them. ROOT has the
# unpacked packages. OUTDIR gets the modules. Run this with `unshare -m`: it replaces /usr/src,
# /lib/modules and /var/lib/dkms.
#
# dkms.sh --refuse ROOT OUTDIR: DKMS skips kernels that dkms.conf does not support.

set -eu
cd "$(dirname "$0")/../.."
refuse=
[ "$1" != --refuse ] || { refuse=1; shift; set -- 6.1 "$@"; }
series=$1 root=$2 out=$3
version=$(cat VERSION)
eval "$(tests/kernel/vm/kernel.sh "$series")"
rm -rf "$out"
mkdir -p "$out/lib" "$out/modules/$KVER" "$out/bin"
ln -s "$KHEADERS" "$out/modules/$KVER/build"

mkdir -p /lib/modules /var/lib/dkms
mount --bind "$out/lib" /var/lib/dkms
mount --bind "$out/modules" /lib/modules
mount --bind "$root/usr/src" /usr/src

# Neither of them may be needed.
for tool in clang ringctl bpftool; do
	printf '#!/bin/sh\necho "the build wants %s" >&2\nexit 1\n' $tool >"$out/bin/$tool"
	chmod 755 "$out/bin/$tool"
done
export PATH=$out/bin:$PATH

command dkms add "seqring/$version"
if [ -n "$refuse" ]; then
	# The names of kernels that are too old, too new, or supported.
	BUILD_EXCLUSIVE_KERNEL=$(sed -n 's/^BUILD_EXCLUSIVE_KERNEL="\(.*\)"/\1/p' "/usr/src/seqring-$version/dkms.conf")
	for name in 5.10.0-30-amd64 6.0.0-1-amd64 6.0 7.3.0-rc1 7.10.1 8.0.0 60.1.0; do
		! [[ $name =~ $BUILD_EXCLUSIVE_KERNEL ]] || { echo "$name is not refused"; exit 1; }
	done
	for name in 6.1.0-35-amd64 6.1 6.12.95+deb12-cloud-amd64 6.18.4 7.0.0 7.2.1 7.2-rc3; do
		[[ $name =~ $BUILD_EXCLUSIVE_KERNEL ]] || { echo "$name is refused"; exit 1; }
	done
	ln -s "$KHEADERS" "$out/modules/build"
	mkdir -p "$out/modules/5.10.0-30-amd64"
	ln -s "$KHEADERS" "$out/modules/5.10.0-30-amd64/build"
	status=0
	command dkms build "seqring/$version" -k 5.10.0-30-amd64 >"$out/log" 2>&1 || status=$?
	cat "$out/log"
	# DKMS's status for such a kernel: a package's installation goes on.
	[ $status = 77 ] || [ $status = 9 ] || [ $status = 0 ]
	grep -qi 'BUILD_EXCLUSIVE' "$out/log"
	exit
fi
command dkms build "seqring/$version" -k "$KVER"
command dkms install "seqring/$version" -k "$KVER"
command dkms status "seqring/$version" -k "$KVER" | grep -q installed
for module in seqring seqring_sched; do
	file=$(echo "/lib/modules/$KVER/updates/dkms/$module.ko"*)
	modinfo "$file"
	[ "$(modinfo -F version "$file")" = "$version" ]
	case $file in
	*.xz) xz -dc "$file" ;;
	*.zst) zstd -dqc "$file" ;;
	*) cat "$file" ;;
	esac >"$out/$module.ko"
done
# The schema of the scheduler's events came with the package.
grep -aq 'prev_comm' "$out/seqring_sched.ko"

# README's Makefile finds all of it by itself.
SEQRING=default SERIES=$series tests/examples.sh "$root" driver
cp build/examples/driver/sampler.ko "$out"

# Nothing is left behind for a driver that is built after the removal.
command dkms remove "seqring/$version" -k "$KVER"
[ ! -e "/lib/modules/$KVER/updates/dkms/seqring.ko" ]
[ -z "$(ls -d /var/lib/dkms/seqring/kernel-"$KVER"-* 2>/dev/null)" ]
