#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# chroot.sh DEBS: runs piuparts and autopkgtest on the packages in DEBS, in a Debian that debootstrap
# makes in build/ from the machine's own mirror. Prints lines ok and not ok.

set -u
cd "$(dirname "$0")/../.." || exit 1
debs=$(realpath "$1")
base=$PWD/build/deb-chroot
log=build/log
failed=0

# The first archive of the machine's own sources.
mirror() {
	grep -hv "^#" /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
		grep -o 'https\?://[^ ]*debian/\?' | grep -v security | head -n 1
}

# report NAME STATUS LOG
report() {
	if [ "$2" = 0 ]; then
		echo "ok deb: $1"
	else
		tail -n 40 "$3" | sed 's/^/# /'
		echo "not ok deb: $1 - exit status $2, $3"
		failed=1
	fi
}

from=$(mirror)
if [ ! -e "$base/complete" ]; then
	rm -rf "$base"
	debootstrap --variant=minbase --include=ca-certificates bookworm "$base" "$from" >$log/debootstrap.log 2>&1
	status=$?
	report 'debootstrap' $status $log/debootstrap.log
	[ $status = 0 ] || exit 1
	# How this machine reaches its archive is how the other one does.
	cp -r /etc/apt/apt.conf.d "$base/etc/apt/"
	cp /etc/resolv.conf "$base/etc/" 2>/dev/null
	touch "$base/complete"
fi

# Install, upgrade, remove and purge leave nothing behind. The mirror has none of the packages, so
# there is nothing to upgrade from.
shopt -s nullglob
packages=()
for deb in "$debs"/*.deb; do
	case $deb in *dbgsym*) ;; *) packages+=("$deb") ;; esac
done
piuparts --no-upgrade-test --existing-chroot="$base" --distribution=bookworm --mirror="$from main" \
	--warn-on-leftovers-after-purge --no-eatmydata --skip-logrotatefiles-test "${packages[@]}" \
	>$log/piuparts.log 2>&1
report piuparts $? $log/piuparts.log

# In a copy of the chroot, since autopkgtest changes it. Those that need a machine or a container of
# their own are skipped: the suites
# install and deb run the same examples with BPF.
rm -rf build/autopkgtest "$base-copy"
cp -a "$base" "$base-copy"
autopkgtest --output-dir build/autopkgtest "$debs"/*.changes -- chroot "$base-copy" \
	>$log/autopkgtest.log 2>&1
status=$?
# 2: some tests were skipped.
[ $status != 2 ] || status=0
report autopkgtest $status $log/autopkgtest.log
grep -E '^(readme|driver|bpf) ' $log/autopkgtest.log | sed 's/^/# /'
exit $failed
