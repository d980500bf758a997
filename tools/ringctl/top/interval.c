// SPDX-License-Identifier: GPL-2.0-only
#include "top.h"

int top_sample(struct top *t)
{
	int err = rows_update(&t->rows);

	if (!err)
		err = view_update(&t->view, &t->rows);
	t->done++;
	return err;
}
