// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the choice of a user for a guest.  Two guests never share one: each has
 * its byte of PRIVS_USER_DIR/.uids locked for as long as its process lives.
 */
#include "privs_user.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRIVS_USER_MAX_RANGE	(1u << 20)
#define PRIVS_USER_MAX_ID	0x7fffffffu
#define PRIVS_USER_THREADS	4096	/* vCPUs, and workers for I/O */

/* Ids from @first on; a mark for each that belongs to somebody. */
struct privs_range {
	unsigned int first, count;
	char *taken;
};

static int __attribute__((format(printf, 4, 5)))
privs_user_fail(char *err, size_t len, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, len, fmt, ap);
	va_end(ap);
	return code;
}

/*
 * The files, read plainly: the name service would load plug-ins and talk to
 * daemons from a privileged process.
 */
static int privs_user_find(const char *name, struct privs_user *u)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;

	while (f && (pw = fgetpwent(f)) && strcmp(pw->pw_name, name))
		;
	if (f && pw) {
		u->uid = pw->pw_uid;
		u->gid = pw->pw_gid;
	}
	if (f)
		fclose(f);
	return f && pw ? 0 : -ENOENT;
}

static void privs_range_mark(struct privs_range *r, unsigned long first,
			     unsigned long count)
{
	unsigned long i = first > r->first ? first - r->first : 0;
	unsigned long end = first + count;

	if (end <= r->first || end < first)
		return;
	end -= r->first;
	for (; i < end && i < r->count; i++)
		r->taken[i] = 1;
}

static void privs_range_mark_users(struct privs_range *r)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;
	struct group *gr;

	while (f && (pw = fgetpwent(f)))
		privs_range_mark(r, pw->pw_uid, 1);
	if (f)
		fclose(f);
	f = fopen("/etc/group", "re");
	while (f && (gr = fgetgrent(f)))
		privs_range_mark(r, gr->gr_gid, 1);
	if (f)
		fclose(f);
}

/* Lines of NAME:FIRST:COUNT. */
static void privs_range_mark_sub(struct privs_range *r, const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long first, count;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*[^:]:%lu:%lu", &first, &count) == 2)
			privs_range_mark(r, first, count);
	if (f)
		fclose(f);
}

static int privs_user_base(char *err, size_t len)
{
	struct stat st;
	int fd;

	if ((mkdir(PRIVS_USER_DIR, 0700) && errno != EEXIST) ||
	    lstat(PRIVS_USER_DIR, &st))
		return privs_user_fail(err, len, -errno,
				       PRIVS_USER_DIR " cannot be made: %s",
				       strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid || (st.st_mode & 022))
		return privs_user_fail(err, len, -EPERM,
				       PRIVS_USER_DIR " can be written by others: remove it");
	if (mkdir(PRIVS_USER_DIR "/.empty", 0) && errno != EEXIST)
		return privs_user_fail(err, len, -errno,
				       PRIVS_USER_DIR " cannot be written to: %s",
				       strerror(errno));
	fd = open(PRIVS_USER_DIR "/.uids", O_RDWR | O_CREAT | O_CLOEXEC |
		  O_NOFOLLOW, 0600);
	return fd >= 0 ? fd :
	       privs_user_fail(err, len, -errno,
			       PRIVS_USER_DIR "/.uids cannot be opened: %s",
			       strerror(errno));
}

/* The lock belongs to the open file, and so goes with the last process. */
static bool privs_user_lock(int fd, unsigned int uid)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = uid,
		.l_len = 1,
	};

	return !fcntl(fd, F_OFD_SETLK, &lock);
}

static int privs_user_take(struct privs_user *u, struct privs_range *r,
			   unsigned int domid, char *err, size_t len)
{
	unsigned int i, n;
	int fd = privs_user_base(err, len);

	if (fd < 0)
		return fd;
	for (i = 0; i < r->count; i++) {
		n = (domid + i) % r->count;
		if (r->taken[n] || !privs_user_lock(fd, r->first + n))
			continue;
		*u = (struct privs_user){
			.uid = r->first + n, .gid = r->first + n,
			.own = true, .lock_fd = fd,
		};
		return 0;
	}
	close(fd);
	return privs_user_fail(err, len, -EAGAIN,
			       "no free uid from %u to %u to run the guest as: set XKVM_USER",
			       r->first, r->first + r->count - 1);
}

/* FIRST-LAST: 1; a name: 0; or -EINVAL. */
static int privs_user_parse(const char *text, struct privs_range *r)
{
	unsigned int last;
	int end = 0;

	if (!*text || text[strspn(text, "0123456789-")])
		return 0;
	if (sscanf(text, "%9u-%9u%n", &r->first, &last, &end) != 2 ||
	    text[end] || !r->first || last < r->first ||
	    last > PRIVS_USER_MAX_ID ||
	    last - r->first >= PRIVS_USER_MAX_RANGE)
		return -EINVAL;
	r->count = last - r->first + 1;
	return 1;
}

static int privs_user_named(struct privs_user *u, const char *name, char *err,
			    size_t len)
{
	if (privs_user_find(name, u))
		return privs_user_fail(err, len, -ENOENT,
				       "no user %s to run the guest as: set XKVM_USER to a user or to FIRST-LAST",
				       name);
	if (!u->uid)
		return privs_user_fail(err, len, -EPERM,
				       "XKVM_USER=%s is root: name another user",
				       name);
	return 0;
}

int privs_user_choose(struct privs_user *u, unsigned int domid, char *err,
		      size_t err_len)
{
	struct privs_range r = {
		.first = PRIVS_USER_FIRST,
		.count = PRIVS_USER_LAST - PRIVS_USER_FIRST + 1,
	};
	const char *text = getenv("XKVM_USER");
	int ret = text ? privs_user_parse(text, &r) : 1;

	*u = (struct privs_user){ .lock_fd = -1 };
	if (!ret)
		return privs_user_named(u, text, err, err_len);
	if (ret < 0)
		return privs_user_fail(err, err_len, ret,
				       "XKVM_USER=%s is neither a user nor a range of uids, FIRST-LAST",
				       text);
	r.taken = calloc(1, r.count);
	if (!r.taken)
		return privs_user_fail(err, err_len, -ENOMEM, "no memory");
	/* nobody, and the uid that 16-bit interfaces show for no uid. */
	privs_range_mark(&r, 65534, 2);
	privs_range_mark_users(&r);
	privs_range_mark_sub(&r, "/etc/subuid");
	privs_range_mark_sub(&r, "/etc/subgid");
	ret = privs_user_take(u, &r, domid, err, err_len);
	free(r.taken);
	return ret;
}

/*
 * No core holds the guest's memory.  RLIMIT_FSIZE would bound the images and
 * the guest's own memory, and RLIMIT_NPROC what all guests of one user have.
 */
static int privs_user_limits(const struct privs_user *u)
{
	const struct rlimit core = { 0, 0 };
	const struct rlimit threads = {
		PRIVS_USER_THREADS, PRIVS_USER_THREADS,
	};

	if (setrlimit(RLIMIT_CORE, &core))
		return -errno;
	if (u->own && setrlimit(RLIMIT_NPROC, &threads))
		return -errno;
	return 0;
}

int privs_user_become(const struct privs_user *u, char *err, size_t err_len)
{
	int ret = privs_user_limits(u);

	if (ret)
		return privs_user_fail(err, err_len, ret,
				       "limits cannot be set: %s",
				       strerror(-ret));
	capng_clear(CAPNG_SELECT_BOTH);
	if (chroot(PRIVS_USER_DIR "/.empty") || chdir("/"))
		return privs_user_fail(err, err_len, -errno,
				       "cannot leave the host's files: %s",
				       strerror(errno));
	if (capng_change_id(u->uid, u->gid, CAPNG_DROP_SUPP_GRP |
			    CAPNG_CLEAR_BOUNDING))
		return privs_user_fail(err, err_len, -EPERM,
				       "cannot become user %u: %s", u->uid,
				       strerror(errno));
	/* The change has done so already, where fs.suid_dumpable is 0. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return privs_user_fail(err, err_len, -errno,
				       "debuggers cannot be kept out");
	return 0;
}
