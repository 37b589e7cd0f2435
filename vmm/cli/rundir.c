// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guests as directories and locks.  Every look at a guest's lock, and every
 * change to the tree, happens under BASE/.lock, so that a probe of a lock is
 * never mistaken for a running guest.
 */
#include "rundir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../control.h"
#include "xlcfg.h"

/* A guest's sockets must fit into an address; its name is checked later. */
#define RUNDIR_MAX_BASE 92

struct rundir {
	char base[RUNDIR_MAX_PATH];
	int fd;			/* of base */
	int lock;		/* of BASE/.lock, held */
	char *err;
	size_t err_len;
};

static int rundir_fail(struct rundir *r, int code, const char *what,
		       const char *remedy)
{
	snprintf(r->err, r->err_len, "%s: %s%s%s%s", r->base, what,
		 code == -EINVAL ? "" : ": ",
		 code == -EINVAL ? "" : strerror(-code), remedy);
	return code;
}

static int rundir_base(struct rundir *r)
{
	const char *env = getenv("XKVM_RUN_DIR");
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char *abs;
	int n;

	r->base[0] = 0;
	if (env && *env)
		n = snprintf(r->base, sizeof(r->base), "%s", env);
	else if (!geteuid())
		n = snprintf(r->base, sizeof(r->base), "/run/xkvm");
	else if (xdg && *xdg)
		n = snprintf(r->base, sizeof(r->base), "%s/xkvm", xdg);
	else
		return rundir_fail(r, -EINVAL, "no run directory",
				   ": set XKVM_RUN_DIR");
	if (n < 0 || n > RUNDIR_MAX_BASE)
		return rundir_fail(r, -EINVAL, "too long",
				   ": set XKVM_RUN_DIR to a shorter path");
	if (mkdir(r->base, 0700) && errno != EEXIST)
		return rundir_fail(r, -errno, "cannot be made",
				   ": set XKVM_RUN_DIR");
	abs = realpath(r->base, NULL);
	if (!abs || strlen(abs) > RUNDIR_MAX_BASE) {
		free(abs);
		return rundir_fail(r, -ENAMETOOLONG, "cannot be resolved", "");
	}
	strcpy(r->base, abs);
	free(abs);
	return 0;
}

/* Open BASE, nobody else's to write to, and take its lock. */
static int rundir_open(struct rundir *r, char *err, size_t err_len)
{
	struct stat st;
	int ret;

	*r = (struct rundir){ .fd = -1, .lock = -1, .err = err,
			      .err_len = err_len };
	ret = rundir_base(r);
	if (ret)
		return ret;
	r->fd = open(r->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0 || fstat(r->fd, &st)) {
		ret = -errno;
		rundir_fail(r, ret, "cannot be opened", "");
		goto err_close;
	}
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		ret = rundir_fail(r, -EINVAL,
				  "belongs to or can be written by others",
				  ": set XKVM_RUN_DIR to a directory of your own");
		goto err_close;
	}
	r->lock = openat(r->fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (r->lock < 0) {
		ret = -errno;
		rundir_fail(r, ret, "cannot be written to", "");
		goto err_close;
	}
	while (flock(r->lock, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		ret = -errno;
		rundir_fail(r, ret, "cannot be locked", "");
		goto err_lock;
	}
	return 0;

err_lock:
	close(r->lock);
err_close:
	if (r->fd >= 0)
		close(r->fd);
	return ret;
}

static void rundir_close(struct rundir *r)
{
	close(r->lock);
	close(r->fd);
}

static unsigned int rundir_read_number(int dirfd, const char *path)
{
	unsigned long v = 0;
	char buf[16] = "";
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return 0;
	if (read(fd, buf, sizeof(buf) - 1) > 0)
		v = strtoul(buf, NULL, 10);
	close(fd);
	return v > INT32_MAX ? 0 : (unsigned int)v;
}

static int rundir_write_number(int dirfd, const char *path, unsigned int v)
{
	char buf[16];
	int n = snprintf(buf, sizeof(buf), "%u\n", v), ret = 0;
	int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
			O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (write(fd, buf, (size_t)n) != n)
		ret = -EIO;
	close(fd);
	return ret;
}

/*
 * Is @name running?  If not, *@lock is its lock, taken: -1 when it has none.
 */
static bool rundir_running(struct rundir *r, const char *name, int *lock)
{
	char path[RUNDIR_MAX_PATH];

	snprintf(path, sizeof(path), "%s/lock", name);
	*lock = openat(r->fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (*lock < 0 || !flock(*lock, LOCK_EX | LOCK_NB))
		return false;
	close(*lock);
	*lock = -1;
	return true;
}

/* Remove what a dead guest left; its lock is ours or not there. */
static void rundir_remove(struct rundir *r, const char *name)
{
	static const char * const files[] = {
		CONTROL_SOCKET, CONTROL_CONSOLE_SOCKET, "pid", "domid", "lock",
	};
	char path[RUNDIR_MAX_PATH];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", name, files[i]);
		unlinkat(r->fd, path, 0);
	}
	unlinkat(r->fd, name, AT_REMOVEDIR);
}

static void rundir_fill(struct rundir *r, struct rundir_guest *g,
			const char *name)
{
	char path[RUNDIR_MAX_PATH];

	memset(g, 0, sizeof(*g));
	g->lock_fd = -1;
	snprintf(g->name, sizeof(g->name), "%s", name);
	snprintf(g->dir, sizeof(g->dir), "%.92s/%s", r->base, g->name);
	snprintf(g->log, sizeof(g->log), "%.92s/.log/%s", r->base, g->name);
	snprintf(path, sizeof(path), "%s/domid", g->name);
	g->domid = rundir_read_number(r->fd, path);
}

static int rundir_cmp(const void *a, const void *b)
{
	const struct rundir_guest *x = a, *y = b;

	return (x->domid > y->domid) - (x->domid < y->domid);
}

/* The running guests; on the way, the dead ones are removed. */
static ssize_t rundir_scan(struct rundir *r, struct rundir_guest **out)
{
	struct rundir_guest *all = NULL, *more;
	struct dirent *e;
	size_t n = 0;
	int lock, fd = dup(r->fd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		if (fd >= 0)
			close(fd);
		return rundir_fail(r, -errno, "cannot be read", "");
	}
	rewinddir(d);
	while ((e = readdir(d))) {
		if (!xlcfg_name_ok(e->d_name))
			continue;
		if (!rundir_running(r, e->d_name, &lock)) {
			/* Without a lock file it is nothing of ours. */
			if (lock >= 0) {
				rundir_remove(r, e->d_name);
				close(lock);
			}
			continue;
		}
		more = realloc(all, (n + 1) * sizeof(*all));
		if (!more) {
			free(all);
			closedir(d);
			return rundir_fail(r, -ENOMEM, "cannot be read", "");
		}
		all = more;
		rundir_fill(r, &all[n++], e->d_name);
	}
	closedir(d);
	if (n)
		qsort(all, n, sizeof(*all), rundir_cmp);
	*out = all;
	return (ssize_t)n;
}

/* The next number that no running guest has, not one just given back. */
static int rundir_new_domid(struct rundir *r, unsigned int *domid)
{
	unsigned int id = rundir_read_number(r->fd, ".domid");
	struct rundir_guest *all = NULL;
	ssize_t n = rundir_scan(r, &all), i;

	if (n < 0)
		return (int)n;
	do {
		id = id % RUNDIR_MAX_DOMID + 1;
		for (i = 0; i < n && all[i].domid != id; i++)
			;
	} while (i < n);
	free(all);
	*domid = id;
	return rundir_write_number(r->fd, ".domid", id);
}

static int rundir_make(struct rundir *r, struct rundir_guest *g)
{
	char path[RUNDIR_MAX_PATH];
	int ret;

	ret = rundir_new_domid(r, &g->domid);
	if (ret)
		return ret;
	if ((mkdirat(r->fd, ".log", 0700) && errno != EEXIST) ||
	    (mkdirat(r->fd, g->name, 0700) && errno != EEXIST))
		return -errno;
	snprintf(path, sizeof(path), "%s/lock", g->name);
	g->lock_fd = openat(r->fd, path, O_RDWR | O_CREAT | O_CLOEXEC |
			    O_NOFOLLOW, 0600);
	if (g->lock_fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/domid", g->name);
	if (flock(g->lock_fd, LOCK_EX | LOCK_NB))
		ret = -errno;
	else
		ret = rundir_write_number(r->fd, path, g->domid);
	if (ret) {
		close(g->lock_fd);
		g->lock_fd = -1;
	}
	return ret;
}

int rundir_claim(struct rundir_guest *g, const char *name, char *err,
		 size_t err_len)
{
	struct rundir r;
	int lock, ret = rundir_open(&r, err, err_len);

	if (ret)
		return ret;
	rundir_fill(&r, g, name);
	if (strlen(g->dir) + 1 + sizeof(CONTROL_SOCKET) >
	    sizeof(((struct sockaddr_un *)0)->sun_path)) {
		ret = rundir_fail(&r, -EINVAL, "too long for this guest's name",
				  ": set XKVM_RUN_DIR to a shorter path");
	} else if (rundir_running(&r, name, &lock)) {
		snprintf(err, err_len,
			 "a guest called %s is running already: use another name, or xkvm destroy %s",
			 name, name);
		ret = -EBUSY;
	} else {
		/* New numbers must not see the old one's: remove it first. */
		rundir_remove(&r, name);
		if (lock >= 0)
			close(lock);
		ret = rundir_make(&r, g);
		if (ret)
			rundir_fail(&r, ret, "cannot be written to", "");
	}
	rundir_close(&r);
	return ret;
}

int rundir_set_pid(const struct rundir_guest *g, pid_t pid)
{
	char path[RUNDIR_MAX_PATH + 8];

	snprintf(path, sizeof(path), "%s/pid", g->dir);
	return rundir_write_number(AT_FDCWD, path, (unsigned int)pid);
}

void rundir_clean(const char *name)
{
	struct rundir r;
	char err[512];
	int lock;

	if (rundir_open(&r, err, sizeof(err)))
		return;
	if (!rundir_running(&r, name, &lock)) {
		rundir_remove(&r, name);
		if (lock >= 0)
			close(lock);
	}
	rundir_close(&r);
}

ssize_t rundir_list(struct rundir_guest **out, char *err, size_t err_len)
{
	struct rundir r;
	ssize_t n = rundir_open(&r, err, err_len);

	*out = NULL;
	if (n)
		return n;
	n = rundir_scan(&r, out);
	rundir_close(&r);
	return n;
}

int rundir_find(struct rundir_guest *g, const char *name, char *err,
		size_t err_len)
{
	struct rundir_guest *all;
	ssize_t n = rundir_list(&all, err, err_len), i;
	unsigned long id = 0;
	char *end;

	if (n < 0)
		return (int)n;
	for (i = 0; i < n && strcmp(all[i].name, name); i++)
		;
	if (i == n && isdigit((unsigned char)*name)) {
		id = strtoul(name, &end, 10);
		for (i = 0; i < n && (*end || all[i].domid != id); i++)
			;
	}
	if (i < n)
		*g = all[i];
	else
		snprintf(err, err_len,
			 "no guest called %s is running: see xkvm list", name);
	free(all);
	return i < n ? 0 : -ESRCH;
}
