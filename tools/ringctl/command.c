// SPDX-License-Identifier: GPL-2.0-only
#include "../lib/message.h"
#include "command.h"

int show_help(const struct command *cmd)
{
	if (cmd->print_help)
		cmd->print_help(stdout);
	else
		fputs(cmd->help, stdout);
	return finish_stdout(cmd->name);
}
