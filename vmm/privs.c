// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns nothing but the list of system calls.  Who the process becomes is
 * privs_user.c's.
 */
#include "privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../include/uapi/linux/xkvm.h"
#include "privs_user.h"

/* No argument is looked at: the kernel then needs no filter run for these. */
static const int privs_calls[] = {
	/* guests and events */
	SCMP_SYS(eventfd2), SCMP_SYS(io_uring_enter),
	SCMP_SYS(poll), SCMP_SYS(ppoll),
	/* memory */
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
	SCMP_SYS(memfd_create), SCMP_SYS(ftruncate),
	/* files that are open */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv),
	SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
	SCMP_SYS(fdatasync), SCMP_SYS(fallocate), SCMP_SYS(fstat),
	SCMP_SYS(lseek), SCMP_SYS(close),
	/* sockets that are bound */
	SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
	SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(getsockopt),
	SCMP_SYS(shutdown),
	/* threads and time */
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(futex),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(gettid), SCMP_SYS(getpid),
	SCMP_SYS(sched_yield), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(restart_syscall), SCMP_SYS(getrandom), SCMP_SYS(geteuid),
	SCMP_SYS(getuid), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* The kernel looks at 32 bits of an int. */
#define PRIVS_INT		UINT32_MAX

/* pthread_create()'s flags without and with which clone() makes a process. */
#define PRIVS_THREAD		(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
#define PRIVS_NO_THREAD		(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
				 CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
				 CLONE_NEWNET | CLONE_PTRACE | CLONE_VFORK | \
				 CLONE_PARENT | CLONE_PIDFD)

/* Allowed if argument @arg, masked, is @val. */
static const struct privs_rule {
	int call;
	unsigned int arg;
	uint64_t mask, val;
} privs_rules[] = {
	/* KVM's own, by their type; ours share a type with file systems'. */
	{ SCMP_SYS(ioctl), 1, 0xff00, KVMIO << 8 },
	{ SCMP_SYS(ioctl), 1, PRIVS_INT, XKVM_MAP_SPECIAL },
	{ SCMP_SYS(ioctl), 1, PRIVS_INT, XKVM_UNMAP_SPECIAL },
	/* F_SETOWN would send signals to others. */
	{ SCMP_SYS(fcntl), 1, PRIVS_INT, F_GETFD },
	{ SCMP_SYS(fcntl), 1, PRIVS_INT, F_SETFD },
	{ SCMP_SYS(fcntl), 1, PRIVS_INT, F_GETFL },
	{ SCMP_SYS(fcntl), 1, PRIVS_INT, F_SETFL },
	/* fstat() of the C library; there are no paths. */
	{ SCMP_SYS(newfstatat), 3, PRIVS_INT, AT_EMPTY_PATH },
	/* No memory becomes code. */
	{ SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
	/* Threads, and nothing else. */
	{ SCMP_SYS(clone), 0, PRIVS_THREAD | PRIVS_NO_THREAD, PRIVS_THREAD },
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

static int privs_add_rules(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, getpid());
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < sizeof(privs_calls) / sizeof(privs_calls[0]);
	     i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, privs_calls[i], 0);
	for (i = 0; !ret && i < sizeof(privs_rules) / sizeof(privs_rules[0]);
	     i++) {
		const struct privs_rule *r = &privs_rules[i];

		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, r->call, 1,
				       SCMP_CMP(r->arg, SCMP_CMP_MASKED_EQ,
						r->mask, r->val));
	}
	if (!ret)
		ret = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
					     SCMP_SYS(tgkill), 1, &self);
	/* Its arguments are in memory; the C library goes on to clone(). */
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
				       SCMP_SYS(clone3), 0);
	return ret;
}

static int privs_filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int ret;

	if (!ctx)
		return -ENOMEM;
	/* Other word sizes' calls: a thread alone must not end. */
	ret = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
			       SCMP_ACT_KILL_PROCESS);
	/* KVM_RUN is looked for first. */
	if (!ret)
		ret = seccomp_syscall_priority(ctx, SCMP_SYS(ioctl), 255);
	if (!ret)
		ret = privs_add_rules(ctx);
	if (!ret)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}

/* Without root's rights the user stays, and what it may open. */
static int privs_keep_user(char *err, size_t len)
{
	const struct rlimit core = { 0, 0 };

	capng_clear(CAPNG_SELECT_BOTH);
	if (setrlimit(RLIMIT_CORE, &core) || capng_apply(CAPNG_SELECT_CAPS) ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return privs_fail(err, len, -EPERM,
				  "capabilities cannot be dropped");
	return 0;
}

static int privs_change_user(unsigned int domid, char *err, size_t len)
{
	struct privs_user u;
	int ret;

	if (geteuid())
		return privs_keep_user(err, len);
	ret = privs_user_choose(&u, domid, err, len);
	return ret ? ret : privs_user_become(&u, err, len);
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

int privs_drop(unsigned int domid, char *err, size_t err_len)
{
	struct sigaction sa = {
		.sa_sigaction = privs_refused, .sa_flags = SA_SIGINFO,
	};
	int ret;

	if (privs_bound_malloc())
		return privs_fail(err, err_len, -EINVAL,
				  "malloc cannot be kept to one arena");
	ret = privs_change_user(domid, err, err_len);
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
