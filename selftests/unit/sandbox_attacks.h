/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VMM that has become its guest's would try. */
#ifndef SELFTESTS_UNIT_SANDBOX_ATTACKS_H
#define SELFTESTS_UNIT_SANDBOX_ATTACKS_H

#include <stdint.h>
#include <sys/types.h>

/* How the sandbox answers. */
enum sandbox_end {
	SANDBOX_TRAPPED,	/* SIGSYS */
	SANDBOX_ENOSYS,		/* clone3(): the C library goes on to clone() */
	SANDBOX_KILLED,		/* calls of other word sizes end the process */
};

/* What there is to attack; made before the sandbox, as its files are. */
struct sandbox_prey {
	pid_t pid;		/* another guest's process */
	pid_t parent;		/* the attacker's parent */
	volatile char *secret;	/* in its memory */
	int file, dir, tty, socket, net;
	char hostname[65];
	const char *path;	/* a folder to write to */
};

struct sandbox_attack {
	const char *name;
	/* 0 or more: it worked; -1 and errno. */
	long (*fn)(const struct sandbox_prey *p);
	int nr;		/* the system call that is it */
	enum sandbox_end end;
	int absent;	/* this errno: the kernel has no such thing */
};

extern const struct sandbox_attack sandbox_attacks[];
extern const unsigned int sandbox_nr_attacks;

#endif
