// SPDX-License-Identifier: GPL-2.0-only
/* Warns when loaded: selftest.sh checks that vm.sh notices. */
#include <linux/bug.h>
#include <linux/module.h>

static int __init warn_init(void)
{
	WARN_ON(1);
	return 0;
}

static void __exit warn_exit(void)
{
}

module_init(warn_init);
module_exit(warn_exit);

MODULE_DESCRIPTION("Warns when loaded");
MODULE_LICENSE("GPL");
