// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns nothing but the list of system calls.
 */
#include "privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <malloc.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PRIVS_USER	"nobody"

/* No argument is looked at: the kernel then needs no filter run for these. */
static const int privs_calls[] = {
	/* guests and events */
	SCMP_SYS(ioctl), SCMP_SYS(eventfd2), SCMP_SYS(io_uring_enter),
	SCMP_SYS(poll), SCMP_SYS(ppoll),
	/* memory */
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
	SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate),
	/* files that are open */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv),
	SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
	SCMP_SYS(fdatasync), SCMP_SYS(fallocate), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(close),
	SCMP_SYS(fcntl),
	/* sockets that are bound */
	SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
	SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(getsockopt),
	SCMP_SYS(shutdown),
	/* threads and time */
	SCMP_SYS(clone3), SCMP_SYS(clone), SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq), SCMP_SYS(futex), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(tgkill), SCMP_SYS(gettid),
	SCMP_SYS(getpid), SCMP_SYS(sched_yield), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(restart_syscall), SCMP_SYS(getrandom), SCMP_SYS(geteuid),
	SCMP_SYS(getuid), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

static int __attribute__((format(printf, 4, 5)))
privs_fail(char *err, size_t len, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, len, fmt, ap);
	va_end(ap);
	return code;
}

/*
 * The password file, read plainly: the name service would load plug-ins and
 * talk to daemons from a privileged process.
 */
static int privs_find_user(const char *name, uid_t *uid, gid_t *gid)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;

	while (f && (pw = fgetpwent(f)) && strcmp(pw->pw_name, name))
		;
	if (f && pw) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
	}
	if (f)
		fclose(f);
	return f && pw ? 0 : -ENOENT;
}

static int privs_change_user(char *err, size_t len)
{
	const char *name = getenv("XKVM_USER") ?: PRIVS_USER;
	uid_t uid;
	gid_t gid;

	capng_clear(CAPNG_SELECT_BOTH);
	if (geteuid()) {
		if (capng_apply(CAPNG_SELECT_CAPS))
			return privs_fail(err, len, -EPERM,
					  "capabilities cannot be dropped");
		return 0;
	}
	if (privs_find_user(name, &uid, &gid))
		return privs_fail(err, len, -ENOENT,
				  "no user %s to run the guest as: set XKVM_USER",
				  name);
	if (!uid)
		return privs_fail(err, len, -EPERM,
				  "XKVM_USER=%s is root: name another user",
				  name);
	if (capng_change_id(uid, gid, CAPNG_DROP_SUPP_GRP |
			    CAPNG_CLEAR_BOUNDING))
		return privs_fail(err, len, -EPERM,
				  "cannot become user %s: %s", name,
				  strerror(errno));
	return 0;
}

/* In a signal handler: a line made by hand, and the end. */
static void privs_refused(int sig, siginfo_t *info, void *context)
{
	char line[] = "xkvm: error: system call 0000 is not allowed: ended\n";
	char *digit = strchr(line, '0') + 3;
	int nr = info->si_syscall;
	ssize_t n;

	for (; nr > 0 && *digit == '0'; nr /= 10)
		*digit-- = '0' + nr % 10;
	n = write(STDERR_FILENO, line, sizeof(line) - 1);
	_exit(n < 0 ? 2 : 1);
}

static int privs_filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	size_t i;
	int ret = 0;

	if (!ctx)
		return -ENOMEM;
	for (i = 0; !ret && i < sizeof(privs_calls) / sizeof(privs_calls[0]);
	     i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, privs_calls[i], 0);
	if (!ret)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}

/*
 * The C library opens files late: malloc() counts the CPUs in /sys before it
 * makes its ninth arena, and asks /proc about overcommitment before it shrinks
 * one.  The first arena does neither, and so is the only one.
 */
static int privs_bound_malloc(void)
{
	return mallopt(M_ARENA_MAX, 1) ? 0 : -EINVAL;
}

int privs_drop(char *err, size_t err_len)
{
	struct sigaction sa = {
		.sa_sigaction = privs_refused, .sa_flags = SA_SIGINFO,
	};
	int ret;

	if (privs_bound_malloc())
		return privs_fail(err, err_len, -EINVAL,
				  "malloc cannot be kept to one arena");
	ret = privs_change_user(err, err_len);
	if (ret)
		return ret;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return privs_fail(err, err_len, -errno,
				  "no_new_privs cannot be set");
	sigemptyset(&sa.sa_mask);
	sigaction(SIGSYS, &sa, NULL);
	ret = privs_filter();
	if (ret)
		return privs_fail(err, err_len, ret,
				  "the system call filter cannot be loaded: %s: the host's kernel needs CONFIG_SECCOMP_FILTER",
				  strerror(-ret));
	return 0;
}
