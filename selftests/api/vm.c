// SPDX-License-Identifier: GPL-2.0-or-later
/* VMs and vCPUs as objects: creation, numbers, descriptors, kvm_run. */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

GUEST static void say(void)
{
	for (;;)
		g_sync(0x77);
}

TEST(vcpu_ids, "vCPU numbers: any below the limit, each once")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	int max = dev_cap(KVM_CAP_MAX_VCPU_ID);

	vcpu_new_bare(vm, 0);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 0L), EEXIST);
	vcpu_new_bare(vm, 7);		/* not in sequence */
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 7L), EEXIST);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, (long)max), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 1ul << 31), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, ~0ul), EINVAL);
	/* A closed descriptor does not free the number. */
	close(vcpu_new_bare(vm, 3)->fd);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 3L), EEXIST);
}

TEST(run_area, "kvm_run: mapped twice is one; beyond it is nothing")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_run *again;
	int status;
	pid_t pid;

	again = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		     v->fd, 0);
	CHECK(again != MAP_FAILED);
	vcpu_enter64(v, say);
	CHECK_EQ(vcpu_sync(v), 0x77);
	CHECK_EQ(again->exit_reason, KVM_EXIT_IO);
	again->immediate_exit = 1;
	CHECK_EQ(vcpu_run(v), -EINTR);

	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		volatile char *beyond = mmap(NULL, 4096, PROT_READ, MAP_SHARED,
					     v->fd, 16 * v->run_size);

		if (beyond == MAP_FAILED)
			_exit(0);
		(void)*beyond;
		_exit(1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(status == 0 || (WIFSIGNALED(status) &&
			      WTERMSIG(status) == SIGBUS));
}

TEST(run_argument, "KVM_RUN takes no argument")
{
	struct vcpu *v = vcpu_new(vm_new(0), 0);

	vcpu_enter64(v, say);
	CHECK_ERRNO(ioctl(v->fd, KVM_RUN, 1L), EINVAL);
	CHECK_EQ(vcpu_sync(v), 0x77);
}

TEST(foreign, "every descriptor of another process's VM gives EIO")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	int status;
	pid_t pid;

	vcpu_enter64(v, say);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		struct kvm_sregs s;

		CHECK_EQ(vcpu_run(v), -EIO);
		CHECK_ERRNO(ioctl(v->fd, KVM_GET_SREGS, &s), EIO);
		CHECK_ERRNO(ioctl(v->fd, KVM_NMI, 0L), EIO);
		CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 1L), EIO);
		CHECK_ERRNO(vm_set_slot(vm, 1, 0, GUEST_MMIO, 4096, NULL), EIO);
		CHECK_ERRNO(ioctl(vm->fd, KVM_CHECK_EXTENSION, 3L), EIO);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(close_order, "descriptors closed in any order, memory first or last")
{
	for (int order = 0; order < 6; order++) {
		int dev = dev_open();
		struct vm *vm = vm_new_on(dev, VM_IRQCHIP);
		struct vcpu *v = vcpu_new(vm, 0);

		vcpu_enter64(v, say);
		CHECK_EQ(vcpu_sync(v), 0x77);
		if (order & 1)
			close(dev);
		if (order & 2)
			munmap(vm->mem, vm->mem_size);
		if (order & 4) {
			close(vm->fd);
			close(v->fd);
		} else {
			munmap(v->run, v->run_size);
			close(v->fd);
			close(vm->fd);
		}
		if (!(order & 1))
			close(dev);
	}
}

TEST(signal_mask, "the signal mask of KVM_RUN: delivered only if let through")
{
	struct { struct kvm_signal_mask h; uint8_t set[8]; } m = { .h.len = 8 };
	struct vcpu *v = vcpu_new(vm_new(0), 0);
	sigset_t set;
	siginfo_t info;
	struct timespec now = { 0 };

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	vcpu_enter64(v, say);
	/* Pending but blocked everywhere: the guest runs. */
	raise(SIGUSR1);
	CHECK_EQ(vcpu_sync(v), 0x77);
	/* With a mask that lets it through: EINTR, and still pending. */
	memset(m.set, 0, 8);
	CHECK_OK(ioctl(v->fd, KVM_SET_SIGNAL_MASK, &m));
	CHECK_EQ(vcpu_run(v), -EINTR);
	CHECK_EQ(v->run->exit_reason, KVM_EXIT_INTR);
	CHECK_EQ(sigtimedwait(&set, &info, &now), SIGUSR1);
	CHECK_EQ(vcpu_sync(v), 0x77);
	/* Off again. */
	raise(SIGUSR1);
	CHECK_OK(ioctl(v->fd, KVM_SET_SIGNAL_MASK, NULL));
	CHECK_EQ(vcpu_sync(v), 0x77);
	m.h.len = 4;
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_SIGNAL_MASK, &m), EINVAL);
}

TEST(bad_pointers, "bad user addresses are EFAULT and harm nothing")
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	void *bad = (void *)0x10;

	CHECK_ERRNO(ioctl(v->fd, KVM_GET_REGS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_REGS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_SREGS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_SREGS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_FPU, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_FPU, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_LAPIC, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_LAPIC, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_MSRS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_MSRS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_CPUID2, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_CPUID2, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_MP_STATE, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_MP_STATE, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_VCPU_EVENTS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_VCPU_EVENTS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_GET_DEBUGREGS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_DEBUGREGS, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_SET_SIGNAL_MASK, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SIGNAL_MSI, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IOEVENTFD, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_CLOCK, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_CLOCK, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_XEN_HVM_CONFIG, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_XEN_HVM_SET_ATTR, bad), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_XEN_HVM_GET_ATTR, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_XEN_VCPU_SET_ATTR, bad), EFAULT);
	CHECK_ERRNO(ioctl(v->fd, KVM_XEN_VCPU_GET_ATTR, bad), EFAULT);
	CHECK_ERRNO(ioctl(dev_open(), KVM_GET_SUPPORTED_CPUID, bad), EFAULT);
	CHECK_ERRNO(ioctl(dev_open(), KVM_GET_MSR_INDEX_LIST, bad), EFAULT);
	vcpu_enter64(v, say);
	CHECK_EQ(vcpu_sync(v), 0x77);
}
