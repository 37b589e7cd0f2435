// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attacks as plain system calls: the C library's own checks must not stand in
 * for the sandbox's.  Each works for root outside of it, which the control
 * group shows; none does lasting harm there.
 */
#include "sandbox_attacks.h"

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#define ATTACK(id)	static long id(const struct sandbox_prey *p)

static const char *in_folder(const struct sandbox_prey *p, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", p->path, name);
	return path;
}

/* Files */

ATTACK(a_open) { return syscall(SYS_open, "/etc/passwd", O_RDONLY); }
ATTACK(a_openat) { return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY); }
ATTACK(a_openat_dir) { return syscall(SYS_openat, p->dir, ".", O_RDONLY); }

ATTACK(a_openat2)
{
	uint64_t how[3] = { O_RDONLY };

	return syscall(SYS_openat2, AT_FDCWD, "/", how, sizeof(how));
}

ATTACK(a_creat) { return syscall(SYS_creat, in_folder(p, "new"), 0600); }
ATTACK(a_mkdir) { return syscall(SYS_mkdir, in_folder(p, "dir"), 0700); }
ATTACK(a_mknod) { return syscall(SYS_mknod, in_folder(p, "fifo"), S_IFIFO | 0600, 0); }
ATTACK(a_symlink) { return syscall(SYS_symlink, "/", in_folder(p, "sym")); }
ATTACK(a_rename)
{
	return syscall(SYS_rename, in_folder(p, "file"), in_folder(p, "file"));
}

ATTACK(a_unlink) { return syscall(SYS_unlink, in_folder(p, "victim")); }
ATTACK(a_chmod) { return syscall(SYS_chmod, in_folder(p, "file"), 0666); }
ATTACK(a_fchmod) { return syscall(SYS_fchmod, p->file, 0666); }
ATTACK(a_chown) { return syscall(SYS_chown, in_folder(p, "file"), 0, 0); }
ATTACK(a_truncate) { return syscall(SYS_truncate, in_folder(p, "file"), 1); }

ATTACK(a_stat)
{
	struct stat st;

	return syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &st, 0);
}

ATTACK(a_statx)
{
	struct statx st;

	return syscall(SYS_statx, AT_FDCWD, "/etc/passwd", 0, STATX_BASIC_STATS,
		       &st);
}

ATTACK(a_access) { return syscall(SYS_access, "/etc/passwd", R_OK); }

ATTACK(a_readlink)
{
	char buf[64];

	return syscall(SYS_readlink, "/proc/self/exe", buf, sizeof(buf));
}

ATTACK(a_getdents)
{
	char buf[4096];

	return syscall(SYS_getdents64, p->dir, buf, sizeof(buf));
}

ATTACK(a_chdir) { return syscall(SYS_chdir, "/"); }
ATTACK(a_chroot) { return syscall(SYS_chroot, "/"); }
ATTACK(a_fsopen) { return syscall(SYS_fsopen, "tmpfs", 0); }
ATTACK(a_inotify) { return syscall(SYS_inotify_init1, 0); }
ATTACK(a_dup) { return syscall(SYS_dup, p->file); }

ATTACK(a_setxattr)
{
	return syscall(SYS_fsetxattr, p->file, "trusted.x", "1", 1, 0);
}

/* Sockets */

ATTACK(a_socket_inet) { return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }
ATTACK(a_socket_unix) { return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }
ATTACK(a_socket_netlink) { return syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }

ATTACK(a_socketpair)
{
	int fds[2];

	return syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, fds);
}

ATTACK(a_bind)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };

	return syscall(SYS_bind, p->socket, &sa, sizeof(sa));
}

ATTACK(a_connect)
{
	struct sockaddr sa = { .sa_family = AF_UNSPEC };

	return syscall(SYS_connect, p->socket, &sa, sizeof(sa));
}

ATTACK(a_setsockopt)
{
	int one = 1;

	return syscall(SYS_setsockopt, p->socket, SOL_SOCKET, SO_BROADCAST, &one,
		       sizeof(one));
}

/* Other processes */

ATTACK(a_kill) { return syscall(SYS_kill, p->pid, 0); }
ATTACK(a_kill_parent) { return syscall(SYS_kill, p->parent, 0); }
ATTACK(a_tkill) { return syscall(SYS_tkill, p->pid, 0); }
ATTACK(a_tgkill) { return syscall(SYS_tgkill, p->pid, p->pid, 0); }

ATTACK(a_sigqueue)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	return syscall(SYS_rt_sigqueueinfo, p->pid, SIGWINCH, &info);
}

ATTACK(a_pidfd) { return syscall(SYS_pidfd_open, p->pid, 0); }
ATTACK(a_setown) { return syscall(SYS_fcntl, p->socket, F_SETOWN, p->pid); }
ATTACK(a_ptrace) { return syscall(SYS_ptrace, PTRACE_SEIZE, p->pid, 0, 0); }

static long vm_rw(long nr, const struct sandbox_prey *p)
{
	char c = 0;
	struct iovec here = { &c, 1 }, there = { (void *)p->secret, 1 };

	return syscall(nr, p->pid, &here, 1, &there, 1, 0);
}

ATTACK(a_vm_readv) { return vm_rw(SYS_process_vm_readv, p); }
ATTACK(a_vm_writev) { return vm_rw(SYS_process_vm_writev, p); }

ATTACK(a_proc_mem)
{
	char path[64], c;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", p->pid);
	fd = syscall(SYS_open, path, O_RDONLY);
	return fd < 0 ? -1 : pread(fd, &c, 1, (uintptr_t)p->secret) - 1;
}

ATTACK(a_kcmp) { return syscall(SYS_kcmp, getpid(), p->pid, 0, 0, 0); }
ATTACK(a_prlimit)
{
	struct rlimit l;

	return syscall(SYS_prlimit64, p->pid, RLIMIT_CORE, 0, &l);
}

ATTACK(a_setrlimit)
{
	struct rlimit l = { 0, 0 };

	return syscall(SYS_setrlimit, RLIMIT_CORE, &l);
}

ATTACK(a_affinity)
{
	unsigned long mask = 1;

	return syscall(SYS_sched_setaffinity, p->pid, sizeof(mask), &mask);
}

ATTACK(a_priority) { return syscall(SYS_setpriority, PRIO_PROCESS, p->pid, 1); }

/* New processes and namespaces */

static long spawn(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		_exit(0);
	return pid;
}

ATTACK(a_clone) { return spawn(0); }
ATTACK(a_clone_user) { return spawn(CLONE_NEWUSER); }
ATTACK(a_clone_pid) { return spawn(CLONE_NEWPID); }
ATTACK(a_clone_net) { return spawn(CLONE_NEWNET); }
ATTACK(a_clone_ns) { return spawn(CLONE_NEWNS); }

ATTACK(a_fork)
{
	long pid = syscall(SYS_fork);

	if (!pid)
		_exit(0);
	return pid;
}

ATTACK(a_clone3)
{
	struct clone_args a = { .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &a, sizeof(a));

	if (!pid)
		_exit(0);
	return pid;
}

ATTACK(a_unshare_user) { return syscall(SYS_unshare, CLONE_NEWUSER); }
ATTACK(a_unshare_net) { return syscall(SYS_unshare, CLONE_NEWNET); }
ATTACK(a_unshare_files) { return syscall(SYS_unshare, CLONE_FILES); }

ATTACK(a_setns)
{
	return syscall(SYS_setns, p->net, CLONE_NEWNET);
}

ATTACK(a_setsid) { return syscall(SYS_setsid) < 0 && errno != EPERM ? -1 : 0; }

/* Comes back only if it fails; "true" ends with 0 as if it had come back. */
ATTACK(a_execve)
{
	char *argv[] = { (char *)"true", NULL }, *envp[] = { NULL };

	syscall(SYS_execve, "/bin/true", argv, envp);
	if (errno == ENOENT)
		argv[0] = (char *)"busybox";
	return syscall(SYS_execve, "/bin/busybox", argv, envp);
}

ATTACK(a_execveat)
{
	char *argv[] = { NULL };

	/* Not executable: the call itself is there. */
	return syscall(SYS_execveat, p->file, "", argv, argv, AT_EMPTY_PATH) &&
	       errno != EACCES && errno != ENOEXEC ? -1 : 0;
}

/* Code */

static void *page(int prot)
{
	void *m = (void *)syscall(SYS_mmap, 0, 4096, prot,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return m == MAP_FAILED ? NULL : m;
}

ATTACK(a_mmap_exec) { return page(PROT_READ | PROT_EXEC) ? 0 : -1; }
ATTACK(a_mmap_wx) { return page(PROT_READ | PROT_WRITE | PROT_EXEC) ? 0 : -1; }

ATTACK(a_mprotect_exec)
{
	return syscall(SYS_mprotect, page(PROT_READ), 4096,
		       PROT_READ | PROT_EXEC);
}

ATTACK(a_pkey_mprotect)
{
	return syscall(SYS_pkey_mprotect, page(PROT_READ), 4096,
		       PROT_READ | PROT_EXEC, -1);
}

ATTACK(a_personality) { return syscall(SYS_personality, 0x0400000); }

ATTACK(a_shm)
{
	long id = syscall(SYS_shmget, IPC_PRIVATE, 4096, 0600 | IPC_CREAT);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return id;
}

ATTACK(a_memfd_secret) { return syscall(SYS_memfd_secret, 0); }

/* The terminal, and other devices behind open files */

ATTACK(a_tiocsti)
{
	return syscall(SYS_ioctl, p->tty, TIOCSTI, "x");
}

ATTACK(a_tcgets)
{
	char buf[128];

	return syscall(SYS_ioctl, p->tty, TCGETS, buf);
}

ATTACK(a_fs_ioctl)
{
	int version;

	/* Whether the file system has it: the call itself is there. */
	return syscall(SYS_ioctl, p->file, FS_IOC_GETFLAGS, &version) &&
	       errno != ENOTTY && errno != EOPNOTSUPP ? -1 : 0;
}

/* The sandbox sees all 64 bits; the kernel 32. */
ATTACK(a_ioctl_high)
{
	char buf[128];

	return syscall(SYS_ioctl, p->tty, 0xae0000000000ul | TCGETS, buf);
}

ATTACK(a_siocgifconf)
{
	struct ifconf c = { 0 };

	return syscall(SYS_ioctl, p->socket, SIOCGIFCONF, &c);
}

/* What else the kernel offers */

ATTACK(a_bpf)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4,
		.max_entries = 1,
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

ATTACK(a_perf)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(a),
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};

	return syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

ATTACK(a_userfaultfd) { return syscall(SYS_userfaultfd, O_CLOEXEC); }

ATTACK(a_keyctl)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID,
		       KEY_SPEC_PROCESS_KEYRING, 1);
}

ATTACK(a_add_key)
{
	return syscall(SYS_add_key, "user", "xkvm", "x", 1,
		       KEY_SPEC_PROCESS_KEYRING);
}

ATTACK(a_uring_setup)
{
	char params[120] = "";

	return syscall(SYS_io_uring_setup, 4, params);
}

ATTACK(a_uring_register)
{
	return syscall(SYS_io_uring_register, p->file, 0, NULL, 0);
}

ATTACK(a_setuid) { return syscall(SYS_setuid, 0); }
ATTACK(a_setgroups) { return syscall(SYS_setgroups, 0, NULL); }

ATTACK(a_capset)
{
	uint32_t head[2] = { 0x20080522, 0 }, data[6] = { 0 };

	return syscall(SYS_capset, head, data);
}

ATTACK(a_prctl) { return syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1); }
ATTACK(a_seccomp) { return syscall(SYS_seccomp, 2, 0, (uint32_t[]){ 0x7fff0000 }); }
ATTACK(a_open_tree) { return syscall(SYS_open_tree, AT_FDCWD, "/", 0); }
ATTACK(a_sethostname)
{
	return syscall(SYS_sethostname, p->hostname, strlen(p->hostname));
}

ATTACK(a_ioperm) { return syscall(SYS_ioperm, 0x80, 1, 1); }
ATTACK(a_modify_ldt)
{
	char buf[64];

	return syscall(SYS_modify_ldt, 0, buf, sizeof(buf));
}

ATTACK(a_syslog) { return syscall(SYS_syslog, 10, 0, 0); }
ATTACK(a_timer) { return syscall(SYS_timerfd_create, 0, 0); }
ATTACK(a_itimer)
{
	struct itimerval t = { 0 };

	return syscall(SYS_setitimer, ITIMER_REAL, &t, 0);
}

/* Another word size's getpid(); what it answers is all the same. */
ATTACK(a_i386)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(20) : "memory");
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

ATTACK(a_x32) { return syscall(0x40000000 | __NR_getpid); }

#define A(id, nr)	{ #id, a_##id, SYS_##nr, SANDBOX_TRAPPED, ENOSYS }
#define A_OR(id, nr, err) { #id, a_##id, SYS_##nr, SANDBOX_TRAPPED, err }

const struct sandbox_attack sandbox_attacks[] = {
	A(open, open),
	A(openat, openat),
	A(openat_dir, openat),
	A(openat2, openat2),
	A(creat, creat),
	A(mkdir, mkdir),
	A(mknod, mknod),
	A(symlink, symlink),
	A(rename, rename),
	A(unlink, unlink),
	A(chmod, chmod),
	A(fchmod, fchmod),
	A(chown, chown),
	A(truncate, truncate),
	A(stat, newfstatat),
	A(statx, statx),
	A(access, access),
	A(readlink, readlink),
	A(getdents, getdents64),
	A(chdir, chdir),
	A(chroot, chroot),
	A(fsopen, fsopen),
	A(inotify, inotify_init1),
	A(dup, dup),
	A_OR(setxattr, fsetxattr, EOPNOTSUPP),
	A(socket_inet, socket),
	A(socket_unix, socket),
	A(socket_netlink, socket),
	A(socketpair, socketpair),
	A(bind, bind),
	A(connect, connect),
	A(setsockopt, setsockopt),
	A(kill, kill),
	A(kill_parent, kill),
	A(tkill, tkill),
	A(tgkill, tgkill),
	A(sigqueue, rt_sigqueueinfo),
	A(pidfd, pidfd_open),
	A(setown, fcntl),
	A(ptrace, ptrace),
	A(vm_readv, process_vm_readv),
	A(vm_writev, process_vm_writev),
	A(proc_mem, open),
	A(kcmp, kcmp),
	A(prlimit, prlimit64),
	A(setrlimit, setrlimit),
	A(affinity, sched_setaffinity),
	A(priority, setpriority),
	A(clone, clone),
	A(clone_user, clone),
	A(clone_pid, clone),
	A(clone_net, clone),
	A(clone_ns, clone),
	A(fork, fork),
	{ "clone3", a_clone3, SYS_clone3, SANDBOX_ENOSYS, 0 },
	A(unshare_user, unshare),
	A(unshare_net, unshare),
	A(unshare_files, unshare),
	A(setns, setns),
	A(setsid, setsid),
	A(execve, execve),
	A(execveat, execveat),
	A(mmap_exec, mmap),
	A(mmap_wx, mmap),
	A(mprotect_exec, mprotect),
	A(pkey_mprotect, pkey_mprotect),
	A(personality, personality),
	A(shm, shmget),
	A(memfd_secret, memfd_secret),
	A_OR(tiocsti, ioctl, EIO),
	A(tcgets, ioctl),
	A(fs_ioctl, ioctl),
	A(ioctl_high, ioctl),
	A(siocgifconf, ioctl),
	A(bpf, bpf),
	A(perf, perf_event_open),
	A(userfaultfd, userfaultfd),
	A(keyctl, keyctl),
	A(add_key, add_key),
	A(uring_setup, io_uring_setup),
	A_OR(uring_register, io_uring_register, EOPNOTSUPP),
	A(setuid, setuid),
	A(setgroups, setgroups),
	A(capset, capset),
	A(prctl, prctl),
	A_OR(seccomp, seccomp, EINVAL),
	A(open_tree, open_tree),
	A(sethostname, sethostname),
	A(ioperm, ioperm),
	A(modify_ldt, modify_ldt),
	A(syslog, syslog),
	A(timer, timerfd_create),
	A(itimer, setitimer),
	{ "i386", a_i386, 20, SANDBOX_KILLED, 0 },
	{ "x32", a_x32, __NR_getpid, SANDBOX_KILLED, ENOSYS },
};

const unsigned int sandbox_nr_attacks =
	sizeof(sandbox_attacks) / sizeof(sandbox_attacks[0]);
