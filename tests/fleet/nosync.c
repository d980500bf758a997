// SPDX-License-Identifier: GPL-2.0-only
/* nosync COMMAND...: runs a command whose fdatasync(2) fails with EIO, as on a broken disk. */
#include <stdio.h>
#include <unistd.h>

#include "../lib/forbid.h"

int main(int argc, char **argv)
{
	if (argc < 2 || !forbid(SCMP_SYS(fdatasync), EIO, 0, (struct scmp_arg_cmp) { 0 })) {
		fprintf(stderr, "nosync: no command, or no filter of system calls\n");
		return 2;
	}
	execv(argv[1], argv + 1);
	perror(argv[1]);
	return 2;
}
