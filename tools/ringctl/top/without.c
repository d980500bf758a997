// SPDX-License-Identifier: GPL-2.0-only
/* In the place of screen*.c and terminal.c in a ringctl without ncurses (make NCURSES=). */
#include "../../lib/message.h"
#include "top.h"

int screen_run(struct top *t)
{
	(void)t;
	return fail("top", "this ringctl was built without ncurses: it has no screen "
			   "(--plain prints lines)");
}
