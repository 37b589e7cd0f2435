// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vCPUs: creation, registers, running, and the protocol of guest.h's ports.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

struct vcpu *vcpu_new_bare(struct vm *vm, unsigned int id)
{
	struct vcpu *v = calloc(1, sizeof(*v));
	int dev = dev_open();

	CHECK(v);
	v->vm = vm;
	v->id = id;
	v->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)id);
	CHECK_MSG(v->fd >= 0, "KVM_CREATE_VCPU %u: %s", id, strerror(errno));
	v->run_size = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0L);
	close(dev);
	v->run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      v->fd, 0);
	CHECK_MSG(v->run != MAP_FAILED, "mmap of kvm_run: %s", strerror(errno));
	return v;
}

struct kvm_cpuid2 *cpuid_supported(void)
{
	int dev = dev_open();

	for (unsigned int n = 64; n <= 1024; n *= 2) {
		struct kvm_cpuid2 *c;

		c = calloc(1, sizeof(*c) + n * sizeof(c->entries[0]));
		CHECK(c);
		c->nent = n;
		if (ioctl(dev, KVM_GET_SUPPORTED_CPUID, c) == 0) {
			close(dev);
			return c;
		}
		CHECK_EQ(errno, E2BIG);
		free(c);
	}
	FAIL("KVM_GET_SUPPORTED_CPUID wants more than 1024 entries");
}

struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *c, uint32_t leaf,
				    uint32_t index)
{
	for (uint32_t i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function != leaf)
			continue;
		if (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		    e->index == index)
			return e;
	}
	return NULL;
}

void vcpu_set_cpuid(struct vcpu *v, struct kvm_cpuid2 *c)
{
	CHECK_OK(ioctl(v->fd, KVM_SET_CPUID2, c));
}

/* The APIC ID in the leaves that show one. */
static void set_apic_id(struct kvm_cpuid2 *c, unsigned int id)
{
	for (uint32_t i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == 1)
			e->ebx = (e->ebx & 0xffffff) | id << 24;
		else if (e->function == 0xb || e->function == 0x1f)
			e->edx = id;
	}
}

struct vcpu *vcpu_new(struct vm *vm, unsigned int id)
{
	struct vcpu *v = vcpu_new_bare(vm, id);
	struct kvm_cpuid2 *c = cpuid_supported();

	set_apic_id(c, id);
	/* Not in the supported set: it takes a local APIC in the kernel. */
	if (dev_cap(KVM_CAP_TSC_DEADLINE_TIMER) > 0)
		cpuid_find(c, 1, 0)->ecx |= 1 << 24;
	vcpu_set_cpuid(v, c);
	free(c);
	return v;
}

void vcpu_free(struct vcpu *v)
{
	munmap(v->run, v->run_size);
	close(v->fd);
	free(v);
}

struct kvm_regs vcpu_regs(struct vcpu *v)
{
	struct kvm_regs r;

	CHECK_OK(ioctl(v->fd, KVM_GET_REGS, &r));
	return r;
}

void vcpu_set_regs(struct vcpu *v, const struct kvm_regs *r)
{
	CHECK_OK(ioctl(v->fd, KVM_SET_REGS, r));
}

struct kvm_sregs vcpu_sregs(struct vcpu *v)
{
	struct kvm_sregs s;

	CHECK_OK(ioctl(v->fd, KVM_GET_SREGS, &s));
	return s;
}

void vcpu_set_sregs(struct vcpu *v, const struct kvm_sregs *s)
{
	CHECK_OK(ioctl(v->fd, KVM_SET_SREGS, s));
}

struct one_msr {
	struct kvm_msrs hdr;
	struct kvm_msr_entry entry;
};

int vcpu_try_get_msr(struct vcpu *v, uint32_t msr, uint64_t *val)
{
	struct one_msr m = { .hdr.nmsrs = 1, .entry.index = msr };
	int r = ioctl(v->fd, KVM_GET_MSRS, &m);

	*val = m.entry.data;
	return r;
}

int vcpu_try_set_msr(struct vcpu *v, uint32_t msr, uint64_t val)
{
	struct one_msr m = {
		.hdr.nmsrs = 1,
		.entry = { .index = msr, .data = val },
	};

	return ioctl(v->fd, KVM_SET_MSRS, &m);
}

uint64_t vcpu_get_msr(struct vcpu *v, uint32_t msr)
{
	uint64_t val;
	int r = vcpu_try_get_msr(v, msr, &val);

	CHECK_MSG(r == 1, "KVM_GET_MSRS %#x gave %d", msr, r);
	return val;
}

void vcpu_set_msr(struct vcpu *v, uint32_t msr, uint64_t val)
{
	int r = vcpu_try_set_msr(v, msr, val);

	CHECK_MSG(r == 1, "KVM_SET_MSRS %#x = %#llx gave %d", msr,
		  (unsigned long long)val, r);
}

int vcpu_run(struct vcpu *v)
{
	return ioctl(v->fd, KVM_RUN, 0L) < 0 ? -errno : 0;
}

uint32_t vcpu_exit(struct vcpu *v)
{
	int r;

	do {
		r = vcpu_run(v);
	} while (r == -EINTR || r == -EAGAIN);
	CHECK_MSG(r == 0, "KVM_RUN: %s", strerror(-r));
	return v->run->exit_reason;
}

void vcpu_expect(struct vcpu *v, uint32_t reason)
{
	if (vcpu_exit(v) != reason) {
		tap_diag("wanted %s", exit_name(reason));
		vcpu_bad_exit(v);
	}
}

static bool at_port(struct vcpu *v, uint16_t port)
{
	return v->run->exit_reason == KVM_EXIT_IO &&
	       v->run->io.direction == KVM_EXIT_IO_OUT &&
	       v->run->io.size == 4 && v->run->io.count == 1 &&
	       v->run->io.port == port;
}

static uint32_t port_value(struct vcpu *v)
{
	uint32_t val;

	memcpy(&val, (char *)v->run + v->run->io.data_offset, 4);
	return val;
}

bool vcpu_at_sync(struct vcpu *v, uint32_t val)
{
	return at_port(v, PORT_SYNC) && port_value(v) == val;
}

uint32_t vcpu_sync(struct vcpu *v)
{
	vcpu_exit(v);
	if (!at_port(v, PORT_SYNC))
		vcpu_bad_exit(v);
	return port_value(v);
}

void vcpu_done(struct vcpu *v)
{
	vcpu_exit(v);
	if (!at_port(v, PORT_DONE))
		vcpu_bad_exit(v);
}

static const char *const exit_names[] = {
	[KVM_EXIT_UNKNOWN] = "KVM_EXIT_UNKNOWN",
	[KVM_EXIT_EXCEPTION] = "KVM_EXIT_EXCEPTION",
	[KVM_EXIT_IO] = "KVM_EXIT_IO",
	[KVM_EXIT_HYPERCALL] = "KVM_EXIT_HYPERCALL",
	[KVM_EXIT_DEBUG] = "KVM_EXIT_DEBUG",
	[KVM_EXIT_HLT] = "KVM_EXIT_HLT",
	[KVM_EXIT_MMIO] = "KVM_EXIT_MMIO",
	[KVM_EXIT_IRQ_WINDOW_OPEN] = "KVM_EXIT_IRQ_WINDOW_OPEN",
	[KVM_EXIT_SHUTDOWN] = "KVM_EXIT_SHUTDOWN",
	[KVM_EXIT_FAIL_ENTRY] = "KVM_EXIT_FAIL_ENTRY",
	[KVM_EXIT_INTR] = "KVM_EXIT_INTR",
	[KVM_EXIT_SET_TPR] = "KVM_EXIT_SET_TPR",
	[KVM_EXIT_INTERNAL_ERROR] = "KVM_EXIT_INTERNAL_ERROR",
	[KVM_EXIT_SYSTEM_EVENT] = "KVM_EXIT_SYSTEM_EVENT",
	[KVM_EXIT_IOAPIC_EOI] = "KVM_EXIT_IOAPIC_EOI",
	[KVM_EXIT_XEN] = "KVM_EXIT_XEN",
};

const char *exit_name(uint32_t reason)
{
	if (reason < sizeof(exit_names) / sizeof(exit_names[0]) &&
	    exit_names[reason])
		return exit_names[reason];
	return "an exit without a name here";
}

static void describe_exit(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		tap_diag("port %#x, %s, size %u, count %u", run->io.port,
			 run->io.direction ? "out" : "in", run->io.size,
			 run->io.count);
		break;
	case KVM_EXIT_MMIO:
		tap_diag("MMIO %s %#llx, %u bytes",
			 run->mmio.is_write ? "write" : "read",
			 (unsigned long long)run->mmio.phys_addr,
			 run->mmio.len);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		tap_diag("hardware reason %#llx", (unsigned long long)
			 run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		tap_diag("suberror %u, data %#llx %#llx %#llx %#llx",
			 run->internal.suberror,
			 (unsigned long long)run->internal.data[0],
			 (unsigned long long)run->internal.data[1],
			 (unsigned long long)run->internal.data[2],
			 (unsigned long long)run->internal.data[3]);
		break;
	case KVM_EXIT_XEN:
		tap_diag("hypercall %llu, params %#llx %#llx",
			 (unsigned long long)run->xen.u.hcall.input,
			 (unsigned long long)run->xen.u.hcall.params[0],
			 (unsigned long long)run->xen.u.hcall.params[1]);
		break;
	}
}

void vcpu_bad_exit(struct vcpu *v)
{
	struct kvm_regs r = vcpu_regs(v);

	if (at_port(v, PORT_FAIL))
		FAIL("the guest's check in line %u failed: %#llx, %#llx",
		     port_value(v),
		     (unsigned long long)G(v->vm, guest_fail_a),
		     (unsigned long long)G(v->vm, guest_fail_b));
	if (at_port(v, PORT_TRAP))
		FAIL("exception %u in the guest at %#llx, error %#llx",
		     port_value(v),
		     (unsigned long long)G(v->vm, guest_trap).rip,
		     (unsigned long long)G(v->vm, guest_trap).error);
	if (at_port(v, PORT_SYNC))
		FAIL("g_sync(%#x) in place of the end", port_value(v));
	if (at_port(v, PORT_DONE))
		FAIL("g_done() in place of another exit");
	describe_exit(v);
	FAIL("%s (%u) at rip %#llx", exit_name(v->run->exit_reason),
	     v->run->exit_reason, (unsigned long long)r.rip);
}

struct vcpu_thread {
	pthread_t thread;
	struct vcpu *vcpu;
};

static void *run_thread(void *arg)
{
	struct vcpu_thread *t = arg;

	vcpu_done(t->vcpu);
	return NULL;
}

struct vcpu_thread *vcpu_start(struct vcpu *v)
{
	struct vcpu_thread *t = calloc(1, sizeof(*t));

	CHECK(t);
	t->vcpu = v;
	CHECK_EQ(pthread_create(&t->thread, NULL, run_thread, t), 0);
	return t;
}

void vcpu_join(struct vcpu_thread *t)
{
	CHECK_EQ(pthread_join(t->thread, NULL), 0);
	free(t);
}

uint64_t vcpu_stat(struct vcpu *v, const char *name)
{
	int fd = ioctl(v->fd, KVM_GET_STATS_FD, NULL);
	struct kvm_stats_header h;
	uint64_t val;

	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, &h, sizeof(h), 0), (ssize_t)sizeof(h));
	for (unsigned int i = 0; i < h.num_desc; i++) {
		size_t size = sizeof(struct kvm_stats_desc) + h.name_size;
		struct kvm_stats_desc *d = calloc(1, size + 1);

		CHECK_EQ(pread(fd, d, size, h.desc_offset + i * size),
			 (ssize_t)size);
		if (!strcmp(d->name, name)) {
			CHECK_EQ(pread(fd, &val, sizeof(val),
				       h.data_offset + d->offset),
				 (ssize_t)sizeof(val));
			free(d);
			close(fd);
			return val;
		}
		free(d);
	}
	FAIL("no statistic called %s", name);
}
