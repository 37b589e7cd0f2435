// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocations that fail, each of an operation's in turn: the operation fails
 * with ENOMEM (EFAULT where it was a copy from or to user space) or does
 * without, and can be repeated. Wants a kernel with fault injection, as
 * lab/host --debug-kernel's; what was lost on the way is kmemleak's to find.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "xen.h"

#define SECONDS	400
#define MAX_NTH	2000	/* no operation here has that many allocations */
#define AREA	0x20000000ull
#define AREA_LEN 0x200000ull

static int nth_fd;

static void knob(const char *path, const char *value)
{
	char name[128];
	int fd;

	snprintf(name, sizeof(name), "/sys/kernel/debug/%s", path);
	fd = open(name, O_WRONLY);
	CHECK_MSG(fd >= 0, "%s: %s", name, strerror(errno));
	CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

/* Every kind of allocation counts, and none is worth a line in the log. */
static void begin(void)
{
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_fd < 0)
		tap_skip("no fault injection in this kernel");
	knob("failslab/ignore-gfp-wait", "N");
	knob("failslab/verbose", "0");
	knob("fail_page_alloc/ignore-gfp-wait", "N");
	knob("fail_page_alloc/ignore-gfp-highmem", "N");
	knob("fail_page_alloc/min-order", "0");
	knob("fail_page_alloc/verbose", "0");
	knob("fail_usercopy/verbose", "0");
}

/* Copying the number itself may be what fails, hence the loop. */
static void arm(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	while (pwrite(nth_fd, text, len, 0) != len)
		CHECK_EQ(errno, EFAULT);
}

/* True if the fault has been used up. */
static bool disarm(void)
{
	char text[16] = "";
	bool used = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 &&
		    !strtoul(text, NULL, 0);

	arm(0);
	return used;
}

/*
 * @op with its first, second, ... allocation failing until it needs no more.
 * @undo, if any, takes back what succeeded all the same, the last included.
 */
static void each_failure(int (*op)(void *), void (*undo)(void *), void *arg)
{
	unsigned int nth, failed = 0;
	bool used = true;
	int ret, err;

	for (nth = 1; used && nth < MAX_NTH; nth++) {
		arm(nth);
		ret = op(arg);
		err = errno;
		used = disarm();
		if (ret < 0) {
			CHECK_MSG(used, "fails without a fault: %s",
				  strerror(err));
			CHECK_MSG(err == ENOMEM || err == EFAULT,
				  "allocation %u: %s", nth, strerror(err));
			failed++;
		} else if (undo) {
			undo(arg);
		}
	}
	CHECK(nth < MAX_NTH);
	CHECK_MSG(failed, "nothing failed");
	tap_diag("%u allocations, %u failures seen", nth - 2, failed);
}

struct state {
	int dev;
	struct vm *vm;
	struct vcpu *v;
	unsigned int next;
	int fd;
	void *mem;
	bool stop;
};

static int op_create_vm(void *arg)
{
	struct state *s = arg;

	s->fd = ioctl(s->dev, KVM_CREATE_VM, 0);
	return s->fd;
}

static void undo_close(void *arg)
{
	close(((struct state *)arg)->fd);
}

TEST_TIMEOUT(create_vm, "VM creation without memory", SECONDS)
{
	struct state s = { .dev = dev_open() };

	begin();
	each_failure(op_create_vm, undo_close, &s);
}

static int op_create_vcpu(void *arg)
{
	struct state *s = arg;

	s->fd = ioctl(s->vm->fd, KVM_CREATE_VCPU, s->next);
	return s->fd;
}

static void undo_create_vcpu(void *arg)
{
	struct state *s = arg;

	close(s->fd);
	s->next++;
}

TEST_TIMEOUT(create_vcpu, "vCPU creation without memory", SECONDS)
{
	struct state s = { .vm = vm_new(VM_IRQCHIP) };

	begin();
	each_failure(op_create_vcpu, undo_create_vcpu, &s);
	s.vm = vm_new(0);
	s.next = 0;
	each_failure(op_create_vcpu, undo_create_vcpu, &s);
}

static int op_add_slot(void *arg)
{
	struct state *s = arg;

	return vm_set_slot(s->vm, 1, 0, AREA, AREA_LEN, s->mem);
}

static void undo_add_slot(void *arg)
{
	struct state *s = arg;

	CHECK_OK(vm_set_slot(s->vm, 1, 0, AREA, 0, s->mem));
}

static int op_log_slot(void *arg)
{
	struct state *s = arg;

	return vm_set_slot(s->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, AREA, AREA_LEN,
			   s->mem);
}

static void undo_log_slot(void *arg)
{
	CHECK_OK(op_add_slot(arg));
}

static int op_move_slot(void *arg)
{
	struct state *s = arg;

	return vm_set_slot(s->vm, 1, 0, AREA + AREA_LEN, AREA_LEN, s->mem);
}

static int op_delete_slot(void *arg)
{
	struct state *s = arg;

	return vm_set_slot(s->vm, 1, 0, AREA, 0, s->mem);
}

static void undo_delete_slot(void *arg)
{
	CHECK_OK(op_add_slot(arg));
}

TEST_TIMEOUT(slots, "slots come, change and go without memory", SECONDS)
{
	struct state s = { .vm = vm_new(0) };

	s.mem = vm_add_slot(s.vm, 1, 0, AREA, AREA_LEN);
	undo_add_slot(&s);
	begin();
	each_failure(op_add_slot, undo_add_slot, &s);
	CHECK_OK(op_add_slot(&s));
	each_failure(op_log_slot, undo_log_slot, &s);
	each_failure(op_move_slot, undo_log_slot, &s);
	each_failure(op_delete_slot, undo_delete_slot, &s);
}

GUEST static void toucher(void)
{
	uint64_t at;

	for (at = 0; at < AREA_LEN; at += 0x40000)
		g_write32(AREA + at, at + 1);
	g_sync(1);
	g_done();
}

/*
 * A first run has no other tries than one; so each failure has a VM of its
 * own, which has to get on once memory is back.
 */
TEST_TIMEOUT(first_run, "a first KVM_RUN without memory", SECONDS)
{
	unsigned int nth, failed = 0;
	bool used = true;
	struct vcpu *v;
	struct vm *vm;
	int ret;

	begin();
	for (nth = 1; used && nth < MAX_NTH; nth++) {
		vm = vm_new(VM_IRQCHIP);
		vm_add_slot(vm, 1, 0, AREA, AREA_LEN);
		v = vcpu_new(vm, 0);
		vcpu_enter64(v, toucher);
		arm(nth);
		do {
			ret = vcpu_run(v);
		} while (ret == -EINTR || ret == -EAGAIN);
		used = disarm();
		if (ret) {
			CHECK_MSG(used, "fails without a fault: %s",
				  strerror(-ret));
			CHECK_MSG(ret == -ENOMEM || ret == -EFAULT,
				  "allocation %u: %s", nth, strerror(-ret));
			failed++;
			CHECK_EQ(vcpu_sync(v), 1);
		} else {
			CHECK(vcpu_at_sync(v, 1));
		}
		vcpu_done(v);
		vcpu_free(v);
		vm_free(vm);
	}
	CHECK(nth < MAX_NTH);
	CHECK_MSG(failed, "nothing failed");
	tap_diag("%u allocations, %u failures seen", nth - 2, failed);
}

static int irqfd(struct state *s, uint32_t flags)
{
	struct kvm_irqfd i = { .fd = s->fd, .gsi = 5, .flags = flags };

	return ioctl(s->vm->fd, KVM_IRQFD, &i);
}

static int op_irqfd(void *arg)
{
	return irqfd(arg, 0);
}

static void undo_irqfd(void *arg)
{
	CHECK_OK(irqfd(arg, KVM_IRQFD_FLAG_DEASSIGN));
}

static int ioeventfd(struct state *s, uint32_t flags)
{
	struct kvm_ioeventfd e = {
		.fd = s->fd, .addr = 0x700, .len = 2,
		.flags = flags | KVM_IOEVENTFD_FLAG_PIO,
	};

	return ioctl(s->vm->fd, KVM_IOEVENTFD, &e);
}

static int op_ioeventfd(void *arg)
{
	return ioeventfd(arg, 0);
}

static void undo_ioeventfd(void *arg)
{
	CHECK_OK(ioeventfd(arg, KVM_IOEVENTFD_FLAG_DEASSIGN));
}

static int op_routing(void *arg)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[4];
	} r = { .head.nr = 4 };
	struct state *s = arg;
	int i;

	for (i = 0; i < 4; i++) {
		r.entry[i].gsi = i + 24;
		r.entry[i].type = KVM_IRQ_ROUTING_MSI;
		r.entry[i].u.msi.address_lo = GUEST_APIC;
		r.entry[i].u.msi.data = 0x50 + i;
	}
	return ioctl(s->vm->fd, KVM_SET_GSI_ROUTING, &r);
}

TEST_TIMEOUT(eventfds, "eventfds and routes without memory", SECONDS)
{
	struct state s = { .vm = vm_new(VM_EMPTY) };
	struct kvm_enable_cap split = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 },
	};

	CHECK_OK(ioctl(s.vm->fd, KVM_ENABLE_CAP, &split));
	s.fd = eventfd(0, EFD_NONBLOCK);
	begin();
	each_failure(op_irqfd, undo_irqfd, &s);
	each_failure(op_ioeventfd, undo_ioeventfd, &s);
	each_failure(op_routing, NULL, &s);
}

static int op_runstate(void *arg)
{
	struct state *s = arg;

	return xen_set_gpa(s->v, KVM_XEN_VCPU_ATTR_TYPE_RUNSTATE_ADDR,
			   XEN_RUNSTATE + 0xff0 + s->next++ % 2 * 8);
}

static int op_xen_port(void *arg)
{
	struct state *s = arg;
	struct kvm_xen_hvm_attr a = { .type = KVM_XEN_ATTR_TYPE_EVTCHN };

	a.u.evtchn.send_port = 7;
	a.u.evtchn.type = EVTCHNSTAT_interdomain;
	a.u.evtchn.flags = s->next ? KVM_XEN_EVTCHN_DEASSIGN : 0;
	a.u.evtchn.deliver.eventfd.fd = s->fd;
	return xen_set(s->vm, &a);
}

static void undo_xen_port(void *arg)
{
	struct state *s = arg;

	s->next = 1;
	CHECK_OK(op_xen_port(arg));
	s->next = 0;
}

static int op_xen_send(void *arg)
{
	struct state *s = arg;

	return xen_send(s->vm, 3, 0) < 0 ? -1 : 0;
}

TEST_TIMEOUT(xen, "Xen's areas and ports without memory", SECONDS)
{
	struct state s = { .vm = xen_vm(true) };

	s.v = xen_vcpu(s.vm, 0);
	s.fd = eventfd(0, EFD_NONBLOCK);
	begin();
	each_failure(op_xen_port, undo_xen_port, &s);
	each_failure(op_runstate, NULL, &s);
	each_failure(op_xen_send, NULL, &s);
}

/* Whoever asks for a part of the irqchip while it is made, and perhaps is not. */
static void *ask_for_irqchip(void *arg)
{
	struct state *s = arg;
	struct kvm_irq_level line = { .irq = 3, .level = 1 };
	struct kvm_pit_state pit;
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		int fd = __atomic_load_n(&s->fd, __ATOMIC_RELAXED);

		ioctl(fd, KVM_GET_PIT, &pit);
		ioctl(fd, KVM_GET_IRQCHIP, &chip);
		ioctl(fd, KVM_IRQ_LINE, &line);
	}
	return NULL;
}

static int op_create_irqchip(void *arg)
{
	return ioctl(((struct state *)arg)->fd, KVM_CREATE_IRQCHIP, 0L);
}

static void undo_create_irqchip(void *arg)
{
	struct state *s = arg;
	int old = s->fd;

	__atomic_store_n(&s->fd, ioctl(s->dev, KVM_CREATE_VM, 0), __ATOMIC_RELAXED);
	CHECK(s->fd >= 0);
	close(old);
}

TEST_TIMEOUT(irqchip, "an irqchip without memory, which others already ask for", SECONDS)
{
	struct state s = { .dev = dev_open() };
	pthread_t t;

	REQUIRE_CAP(KVM_CAP_IRQCHIP);
	begin();
	s.fd = ioctl(s.dev, KVM_CREATE_VM, 0);
	CHECK(s.fd >= 0);
	CHECK(!pthread_create(&t, NULL, ask_for_irqchip, &s));
	each_failure(op_create_irqchip, undo_create_irqchip, &s);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	CHECK(!pthread_join(t, NULL));
}
