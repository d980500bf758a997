#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh RINGCTL [PART...]: tests ringctl on rings of "publish --serve", and ringctl trace on the
# running kernel. Prints "ok NAME", "not ok NAME - reason" or "skip NAME - reason"; exit
# status 1 if a test failed. Needs bash, coreutils, python3 and its jsonschema (for JSON), clang and
# gcc (for schemas), groff (for the manual page), tmux and tests/cli/writer (for a terminal, and rings to
# show there), babeltrace2 with Debian's python3-bt2, and protoc (for exports).

set -u
# Who started this may ignore signals, as nohup does. Bash cannot take that back for its children.
[[ ${SIGNALS_ARE_DEFAULT-} ]] ||
	SIGNALS_ARE_DEFAULT=1 exec env --default-signal=HUP,INT,QUIT,TERM "$0" "$@"
all='cat life list publish errors docs schema record flight replay tape export watch top audit doctor trace'
if [[ $# = 0 || ! -x $1 ]]; then
	echo "usage: $0 RINGCTL [PART...]; parts: $all" >&2
	exit 2
fi
RINGCTL=$(realpath "$1")
shift
for part; do
	[[ " $all " == *" $part "* ]] || { echo "$0: no part '$part'; parts: $all" >&2; exit 2; }
done
here=$(dirname "$(realpath "$0")")
# shellcheck disable=SC2034 # for the tests
tools=$(realpath "$here/../../tools") include=$(realpath "$here/../../include")
# shellcheck disable=SC2034 # for the tests
docs=$(realpath "$here/../../docs")
tmp=$(mktemp -d)
export RINGDIR=$tmp/rings
mkdir "$RINGDIR"
cd "$tmp" || exit 2

# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# shellcheck disable=SC2086 # a list
[[ $# -gt 0 ]] || set -- $all
for part; do
	# shellcheck source=/dev/null
	. "$here/$part.sh"
done

# shellcheck disable=SC2154 # lib.sh counts them
exit $((failures > 0))
