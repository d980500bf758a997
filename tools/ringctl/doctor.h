/* SPDX-License-Identifier: GPL-2.0-only */
/* ringctl doctor: questions to this machine (doctor_*.c); doctor.c prints the answers. */
#ifndef RINGCTL_DOCTOR_H
#define RINGCTL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

/**
 * enum finding_state - what a finding means for the user
 * @FINDING_OK: it works
 * @FINDING_LIMITED: it works, with a limit that the text names
 * @FINDING_MISSING: something does not work
 * @FINDING_UNKNOWN: this user may not find out
 */
enum finding_state { FINDING_OK, FINDING_LIMITED, FINDING_MISSING, FINDING_UNKNOWN };

/**
 * struct finding - the answer to one check
 * @state: what it means
 * @text: one sentence without a full stop
 * @fix: a command, or what else to do; "": nothing is to be done
 */
struct finding {
	enum finding_state state;
	char text[256];
	char fix[256];
};

/* What a check is about; also the arguments of the command. */
#define DOCTOR_GENERAL (1u << 0)
#define DOCTOR_PROCESS (1u << 1)
#define DOCTOR_BPF     (1u << 2)
#define DOCTOR_MODULE  (1u << 3)

/**
 * struct doctor_check - a question about this machine
 * @name: a word
 * @parts: DOCTOR_*
 * @ask: fills the finding, which is zero
 */
struct doctor_check {
	const char *name;
	unsigned int parts;
	void (*ask)(struct finding *f);
};

/* All checks of each kind, in the order of printing; the last one has no name. */
extern const struct doctor_check doctor_general[], doctor_bpf[], doctor_module[];

/* doctor_find.c: what several checks need. */

void finding_set(struct finding *f, enum finding_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void finding_fix(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads the first line of a file into @buf, "" if there is none. Return: 0 or -errno. */
int read_line(const char *path, char *buf, size_t size);

/*
 * Takes the choice in brackets of /sys/kernel/security/lockdown out of its line. Return: 0;
 * -errno: the file cannot be read.
 */
int read_lockdown(char *buf, size_t size);

/* True if this process has the capability @cap in effect. */
bool has_capability(unsigned int cap);

#endif /* RINGCTL_DOCTOR_H */
