/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user a guest runs as: its own, out of a range that nobody else has. */
#ifndef XKVM_PRIVS_USER_H
#define XKVM_PRIVS_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Where it is written down which uids are in use.  One place for the whole
 * host, whatever the run directory: uids are the host's too.
 */
#ifndef PRIVS_USER_DIR
#define PRIVS_USER_DIR	"/run/xkvm"
#endif

/*
 * Between the uids of people and services, up to 65,535, and those that
 * containers get by default, from 100,000 (login.defs, SUB_UID_MIN).
 */
#define PRIVS_USER_FIRST	65536u
#define PRIVS_USER_LAST		98303u

struct privs_user {
	uid_t uid;
	gid_t gid;
	bool own;	/* no other guest's, nor anybody else's */
	int lock_fd;	/* what keeps it so, while it is open; -1 */
};

/*
 * privs_user_choose() - a user for guest number @domid: by default a uid from
 * PRIVS_USER_FIRST on that is in none of passwd, group, subuid and subgid and
 * that no running guest has.  XKVM_USER names another range (FIRST-LAST) or one
 * user for all guests.  As root.
 *
 * Returns 0, or -errno and in @err one line that says what failed.
 */
int privs_user_choose(struct privs_user *u, unsigned int domid, char *err,
		      size_t err_len);

/*
 * privs_user_become() - become @u for good, without capabilities, groups, core
 * dumps and files: the root directory is an empty one.  0 or -errno, likewise.
 */
int privs_user_become(const struct privs_user *u, char *err, size_t err_len);

#endif
