// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes and VMs that end in every order, many of them, by force too. */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

static volatile uint64_t runs GUEST_VAR;

GUEST static void count(void)
{
	for (;;) {
		runs++;
		g_sync(runs);
	}
}

GUEST static void spin(void)
{
	g_sti();
	for (;;)
		runs++;
}

TEST(many, "many VMs at once, each its own")
{
	enum { N = 24 };
	struct vm *vm[N];
	struct vcpu *v[N];

	for (int i = 0; i < N; i++) {
		vm[i] = vm_new(i & 1 ? VM_IRQCHIP : 0);
		v[i] = vcpu_new(vm[i], 0);
		vcpu_enter64(v[i], count);
		G(vm[i], runs) = i * 100;
	}
	for (int round = 1; round < 3; round++)
		for (int i = 0; i < N; i++)
			CHECK_EQ(vcpu_sync(v[i]), i * 100 + round);
	for (int i = 0; i < N; i++) {
		vcpu_free(v[i]);
		vm_free(vm[i]);
	}
}

TEST(again, "VMs made and destroyed one after the other")
{
	for (int i = 0; i < 20; i++) {
		struct vm *vm = vm_new(VM_IRQCHIP);
		struct vcpu *v = vcpu_new(vm, 0);

		vcpu_enter64(v, count);
		CHECK_EQ(vcpu_sync(v), 1);
		vcpu_free(v);
		vm_free(vm);
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* A grace period takes two of the kernel's ticks, and mostly three. */
TEST(only, "the host's only VM comes and goes without a wait")
{
	uint64_t least = ~0ull, start;

	for (int i = 0; i < 10; i++) {
		int dev = dev_open(), vm;

		start = now_ns();
		vm = ioctl(dev, KVM_CREATE_VM, 0L);
		CHECK(vm >= 0);
		close(vm);
		start = now_ns() - start;
		if (start < least)
			least = start;
		close(dev);
	}
	CHECK_MSG(least < tap_scale() * 4000000ull, "%lu ns", least);
}

TEST(order, "a vCPU outlives its VM's descriptor, and runs")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	close(vm->fd);
	vcpu_enter64(v, count);
	CHECK_EQ(vcpu_sync(v), 1);
	close(v->fd);
	/* kvm_run is still mapped, and memory. */
	CHECK_EQ(v->run->exit_reason, KVM_EXIT_IO);
	munmap(v->run, v->run_size);
}

static void victim(int fd)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64(v, spin);
	if (write(fd, "x", 1) == 1)
		vcpu_run(v);
	_exit(1);
}

TEST(kill, "SIGKILL of a process whose guest runs")
{
	for (int i = 0; i < 3; i++) {
		int fds[2], status;
		pid_t pid;
		char c;

		CHECK_OK(pipe(fds));
		pid = fork();
		CHECK(pid >= 0);
		if (!pid)
			victim(fds[1]);
		CHECK_EQ(read(fds[0], &c, 1), 1);
		usleep(5000 * i);
		CHECK_OK(kill(pid, SIGKILL));
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		close(fds[0]);
		close(fds[1]);
	}
	{
		struct vcpu *v = vcpu_new(vm_new(0), 0);

		vcpu_enter64(v, count);
		CHECK_EQ(vcpu_sync(v), 1);
	}
}

static void *exec_thread(void *arg)
{
	char *const argv[] = { "/bin/true", NULL }, *const env[] = { NULL };

	usleep(10000);
	execve("/bin/true", argv, env);
	execve("/bin/busybox", argv, env);
	_exit(0);
}

TEST(exec, "exec in another thread ends a running guest")
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		struct vcpu *v = vcpu_new(vm_new(0), 0);
		pthread_t t;

		vcpu_enter64(v, spin);
		if (pthread_create(&t, NULL, exec_thread, NULL))
			_exit(1);
		vcpu_run(v);
		_exit(1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(fork, "a VM belongs to the process that made it: EIO for a child")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	int status;
	pid_t pid;

	vcpu_enter64(v, count);
	CHECK_EQ(vcpu_sync(v), 1);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		struct kvm_regs r;

		CHECK_EQ(vcpu_run(v), -EIO);
		CHECK_ERRNO(ioctl(v->fd, KVM_GET_REGS, &r), EIO);
		CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 1L), EIO);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(vcpu_sync(v), 2);
}

struct racer {
	pthread_t t;
	struct vcpu *v;
};

static void *run_until_error(void *arg)
{
	struct racer *r = arg;

	while (vcpu_run(r->v) == 0)
		;
	return NULL;
}

static void on_signal(int sig)
{
}

TEST(two_threads, "two threads that run one vCPU take turns")
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct vm *vm = vm_new(0);
	struct racer r = { .v = vcpu_new(vm, 0) };

	sigaction(SIGUSR1, &sa, NULL);
	vcpu_enter64(r.v, count);
	CHECK_EQ(pthread_create(&r.t, NULL, run_until_error, &r), 0);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(vcpu_run(r.v), 0);
	r.v->run->immediate_exit = 1;
	pthread_kill(r.t, SIGUSR1);
	pthread_join(r.t, NULL);
	r.v->run->immediate_exit = 0;
	CHECK_EQ(vcpu_run(r.v), 0);
	CHECK(G(vm, runs) >= 50);
}
