// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VMs that the threads share, and what is done with them besides ioctls of
 * their own: setting up and closing, running, mapping, memory that comes and
 * goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "xen.h"

#define EXITS	12		/* of one run, at most */

struct fuzz_world world;
struct fuzz_counts counts;

uint8_t *world_run(unsigned int vm, unsigned int vcpu)
{
	return (uint8_t *)FUZZ_RUN +
	       (vm * FUZZ_VCPUS + vcpu) * FUZZ_RUN_STRIDE;
}

void world_keep(int *where, int fd)
{
	fd = __atomic_exchange_n(where, fd, __ATOMIC_SEQ_CST);
	if (fd >= 0)
		close(fd);
}

static int fd_of(const int *where)
{
	return __atomic_load_n(where, __ATOMIC_SEQ_CST);
}

/* --- who has a vCPU ------------------------------------------------------------ */

static __thread pthread_mutex_t *held;

static bool world_take(struct fuzz_vcpu *v, bool wait)
{
	if (wait ? pthread_mutex_lock(&v->run) : pthread_mutex_trylock(&v->run))
		return false;
	held = &v->run;
	return true;
}

void world_release(void)
{
	if (held)
		pthread_mutex_unlock(held);
	held = NULL;
}

/* --- before the threads ------------------------------------------------------- */

static void map_fresh(void *at, size_t size)
{
	CHECK(mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		   MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == at);
}

/* What a 64-bit vCPU of the library starts with, and its memory. */
static void take_image(void)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	vcpu_enter64_arg(v, fuzz_guest, 0);
	world.regs = vcpu_regs(v);
	world.sregs = vcpu_sregs(v);
	world.image = malloc(vm->mem_size);
	CHECK(world.image);
	memcpy(world.image, vm->mem, vm->mem_size);
	vcpu_free(v);
	vm_free(vm);
	world.cpuid = cpuid_supported();
	CHECK(world.cpuid->nent <= 64);
}

void world_init(uint64_t seed)
{
	struct fuzz_step s = { .rng.state = seed };
	unsigned int i, j;

	take_image();
	world.node = dev_open();
	map_fresh((void *)FUZZ_MEM, FUZZ_MEM_SIZE);
	map_fresh((void *)FUZZ_RUN, FUZZ_VMS * FUZZ_VCPUS * FUZZ_RUN_STRIDE);
	for (i = 0; i < FUZZ_VMS; i++) {
		world.vm[i] = (struct fuzz_vm){ -1, -1, -1 };
		for (j = 0; j < FUZZ_VCPUS; j++) {
			world.vm[i].vcpu[j].fd = -1;
			pthread_mutex_init(&world.vm[i].vcpu[j].run, NULL);
		}
	}
	for (i = 0; i < FUZZ_EVENTS; i++)
		world.event[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (i = 0; i < FUZZ_VMS; i++) {
		s.vm_nr = i;
		s.vm = &world.vm[i];
		world_set_up_vm(&s);
	}
}

void world_close_all(void)
{
	unsigned int i, j;

	for (i = 0; i < FUZZ_VMS; i++) {
		for (j = 0; j < FUZZ_VCPUS; j++)
			world_keep(&world.vm[i].vcpu[j].fd, -1);
		world_keep(&world.vm[i].device, -1);
		world_keep(&world.vm[i].stats, -1);
		world_keep(&world.vm[i].fd, -1);
	}
	munmap((void *)FUZZ_RUN, FUZZ_VMS * FUZZ_VCPUS * FUZZ_RUN_STRIDE);
	munmap((void *)FUZZ_MEM, FUZZ_MEM_SIZE);
}

/* --- setting up ---------------------------------------------------------------- */

/* The parts of the image that are not zero: tables, then code and data. */
static void write_image(void)
{
	uint8_t *to = (uint8_t *)FUZZ_MEM;

	memcpy(to, world.image, 0xa000);
	memcpy(to + GUEST_TEXT, world.image + GUEST_TEXT, 0x4000);
	memcpy(to + GUEST_DATA, world.image + GUEST_DATA, 0x4000);
}

static void op_write_image(struct fuzz_step *s)
{
	write_image();
}

static void set_up_chips(struct fuzz_step *s, int fd)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 },
	};
	struct kvm_pit_config pit = { 0 };

	switch (rnd_below(&s->rng, 4)) {
	case 0:
		break;
	case 1:
		ioctl(fd, KVM_CREATE_IRQCHIP, 0);
		ioctl(fd, KVM_CREATE_PIT2, &pit);
		break;
	default:
		ioctl(fd, KVM_ENABLE_CAP, &cap);
	}
	cap.cap = KVM_CAP_DIRTY_LOG_RING;
	cap.args[0] = 0x1000 << rnd_below(&s->rng, 5);
	if (rnd_one_in(&s->rng, 3))
		ioctl(fd, KVM_ENABLE_CAP, &cap);
}

static void set_up_xen(struct fuzz_step *s, int fd)
{
	struct kvm_xen_hvm_config c = {
		.msr = XEN_MSR,
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
			 KVM_XEN_HVM_CONFIG_EVTCHN_SEND,
	};
	struct kvm_xen_hvm_attr a = { .type = KVM_XEN_ATTR_TYPE_LONG_MODE };

	if (rnd_one_in(&s->rng, 3))
		return;
	ioctl(fd, KVM_XEN_HVM_CONFIG, &c);
	a.u.long_mode = rnd_below(&s->rng, 2);
	ioctl(fd, KVM_XEN_HVM_SET_ATTR, &a);
	a.type = KVM_XEN_ATTR_TYPE_SHARED_INFO;
	a.u.shared_info.gfn = XEN_SHINFO >> 12;
	ioctl(fd, KVM_XEN_HVM_SET_ATTR, &a);
	a.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR;
	a.u.vector = XEN_VECTOR;
	ioctl(fd, KVM_XEN_HVM_SET_ATTR, &a);
}

/* Its kvm_run where the thread that runs it looks; nobody does so meanwhile. */
static void map_run(struct fuzz_step *s, int fd)
{
	uint8_t *at = world_run(s->vm_nr, s->vcpu_nr);

	mmap(at, FUZZ_RUN_PAGES << 12, PROT_READ | PROT_WRITE,
	     MAP_SHARED | MAP_FIXED, fd, 0);
	if (rnd_one_in(&s->rng, 2))
		mmap(at + FUZZ_RING_OFF, FUZZ_RING_PAGES << 12,
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		     FUZZ_RING_OFF);
}

static void set_up_vcpu(struct fuzz_step *s, int vm, unsigned int id)
{
	struct kvm_xen_vcpu_attr a = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
		.u.gpa = XEN_VCPU_INFO + id * 64,
	};
	struct kvm_mp_state runs = { .mp_state = KVM_MP_STATE_RUNNABLE };
	int fd = ioctl(vm, KVM_CREATE_VCPU, (unsigned long)id);
	struct kvm_regs regs = world.regs;

	if (fd < 0)
		return;
	ioctl(fd, KVM_SET_CPUID2, world.cpuid);
	ioctl(fd, KVM_SET_SREGS, &world.sregs);
	regs.rdi = rnd(&s->rng);
	regs.rsp -= id * 0x2000;
	ioctl(fd, KVM_SET_REGS, &regs);
	ioctl(fd, KVM_SET_MP_STATE, &runs);
	ioctl(fd, KVM_XEN_VCPU_SET_ATTR, &a);
	s->vcpu_nr = id;
	s->vcpu = &s->vm->vcpu[id];
	world_take(s->vcpu, true);
	map_run(s, fd);
	world_release();
	world_keep(&s->vcpu->fd, fd);
}

void world_set_up_vm(struct fuzz_step *s)
{
	struct kvm_userspace_memory_region low = {
		.memory_size = FUZZ_LOW_SIZE, .userspace_addr = FUZZ_MEM,
	};
	int fd = ioctl(world.node, KVM_CREATE_VM, 0);
	unsigned int i, n = rnd_one_in(&s->rng, 4) ? 1 : FUZZ_VCPUS;

	if (fd < 0)
		return;
	write_image();
	ioctl(fd, KVM_SET_USER_MEMORY_REGION, &low);
	set_up_chips(s, fd);
	set_up_xen(s, fd);
	for (i = 0; i < n; i++)
		set_up_vcpu(s, fd, i);
	world_keep(&s->vm->fd, fd);
}

/* --- running -------------------------------------------------------------------- */

/* What user space may leave in kvm_run before it enters. */
static void prepare_run(struct fuzz_step *s, struct kvm_run *run)
{
	struct rng *r = &s->rng;

	run->immediate_exit = rnd_one_in(r, 4);
	run->request_interrupt_window = rnd_one_in(r, 4);
	run->cr8 = rnd_one_in(r, 8) ? rnd_edge(r) : 0;
	run->kvm_valid_regs = rnd_one_in(r, 4) ? rnd_below(r, 8) : 0;
	if (rnd_one_in(r, 16))
		run->kvm_valid_regs = run->kvm_dirty_regs = rnd_edge(r);
	if (rnd_one_in(r, 16))
		run->kvm_dirty_regs = rnd_below(r, 8);
	if (rnd_one_in(r, 8))
		rnd_bytes(r, (uint8_t *)run + rnd_below(r, 4000), 16);
}

/* The answers to an exit, right or wrong. */
static void answer(struct fuzz_step *s, struct kvm_run *run)
{
	struct rng *r = &s->rng;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		rnd_bytes(r, (uint8_t *)run + 0x1000 + rnd_below(r, 64), 8);
		break;
	case KVM_EXIT_MMIO:
		rnd_bytes(r, run->mmio.data, 8);
		break;
	case KVM_EXIT_XEN:
		run->xen.u.hcall.result = rnd_edge(r);
		break;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		run->msr.error = rnd_below(r, 2);
		run->msr.data = rnd_edge(r);
		break;
	}
	run->immediate_exit = rnd_one_in(r, 8);
}

static void op_run(struct fuzz_step *s)
{
	struct kvm_run *run = (void *)world_run(s->vm_nr, s->vcpu_nr);
	int i, n = 1 + rnd_below(&s->rng, EXITS);

	if (!world_take(s->vcpu, false))
		return;
	prepare_run(s, run);
	for (i = 0; i < n; i++) {
		if (!ioctl(fd_of(&s->vcpu->fd), KVM_RUN, 0)) {
			COUNT(entered);
			COUNT(exits[run->exit_reason % 64]);
		} else if (errno != EINTR) {
			break;
		}
		answer(s, run);
	}
	world_release();
}

static void op_run_page(struct fuzz_step *s)
{
	uint8_t *at = world_run(s->vm_nr, s->vcpu_nr);
	int fd = fd_of(&s->vcpu->fd);

	if (!world_take(s->vcpu, false))
		return;
	if (rnd_one_in(&s->rng, 12))
		map_fresh(at, FUZZ_RUN_STRIDE);
	else if (rnd_one_in(&s->rng, 6))
		mmap(at, rnd_below(&s->rng, 80) << 12, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED, fd,
		     (off_t)rnd_below(&s->rng, 90) << 12);
	else
		map_run(s, fd);
	world_release();
}

/* Entries of the dirty ring, passed back or made up; the coalesced ring. */
static void op_rings(struct fuzz_step *s)
{
	uint8_t *at = world_run(s->vm_nr, s->vcpu_nr);
	struct kvm_dirty_gfn *e = (void *)(at + FUZZ_RING_OFF);
	struct rng *r = &s->rng;
	unsigned int i;

	if (!world_take(s->vcpu, false))
		return;
	for (i = 0; i < FUZZ_RING_PAGES * 4096 / sizeof(*e); i++) {
		if (e[i].flags & KVM_DIRTY_GFN_F_DIRTY || rnd_one_in(r, 64))
			e[i].flags = KVM_DIRTY_GFN_F_RESET;
		if (rnd_one_in(r, 128))
			e[i].offset = rnd_edge(r);
		if (rnd_one_in(r, 128))
			e[i].slot = rnd_edge(r);
	}
	if (rnd_one_in(r, 4))
		rnd_bytes(r, at + 0x2000, 8);
	world_release();
}

/* --- memory ----------------------------------------------------------------------- */

static void op_memory(struct fuzz_step *s)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_FREE, MADV_PAGEOUT,
		MADV_COLD, MADV_WILLNEED,
	};
	static const int prot[] = {
		PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
	};
	unsigned int page = rnd_below(&s->rng, FUZZ_MEM_SIZE >> 12);
	unsigned int left = (FUZZ_MEM_SIZE >> 12) - page;
	size_t size = (1 + rnd_below(&s->rng, left < 600 ? left : 600)) << 12;
	uint8_t *at = (uint8_t *)FUZZ_MEM + (page << 12);

	switch (rnd_below(&s->rng, 6)) {
	case 0:
		munmap(at, size);
		break;
	case 1:
	case 2:
		map_fresh(at, size);
		break;
	case 3:
		mprotect(at, size, RND_PICK(&s->rng, prot));
		break;
	default:
		madvise(at, size, RND_PICK(&s->rng, advice));
	}
}

static void op_write_memory(struct fuzz_step *s)
{
	rnd_bytes(&s->rng, (void *)(rnd_hva(&s->rng) & ~7ull), 8);
}

/* --- files ------------------------------------------------------------------------- */

static void op_close_vm(struct fuzz_step *s)
{
	world_keep(&s->vm->fd, -1);
}

static void op_close_vcpu(struct fuzz_step *s)
{
	world_keep(&s->vcpu->fd, -1);
}

static void op_close_device(struct fuzz_step *s)
{
	world_keep(rnd_one_in(&s->rng, 2) ? &s->vm->device : &s->vm->stats, -1);
}

static void op_event(struct fuzz_step *s)
{
	int *e = &world.event[rnd_below(&s->rng, FUZZ_EVENTS)];
	uint64_t v = rnd_below(&s->rng, 4);

	if (rnd_one_in(&s->rng, 16))
		world_keep(e, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	else if (rnd_one_in(&s->rng, 3))
		v = read(fd_of(e), &v, sizeof(v));
	else
		v = write(fd_of(e), &v, sizeof(v));
}

static void op_stats(struct fuzz_step *s)
{
	off_t at = rnd_one_in(&s->rng, 4) ? (off_t)rnd_edge(&s->rng) :
		   rnd_below(&s->rng, 4096);

	if (pread(fd_of(&s->vm->stats), s->arg, rnd_below(&s->rng, 8192), at))
		return;
}

/* --- the node --------------------------------------------------------------------- */

static void keep_vm(struct fuzz_step *s, long fd)
{
	world_keep(&s->vm->fd, fd);
}

static unsigned long number_type(struct rng *r)
{
	return rnd_one_in(r, 3) ? rnd_edge(r) : 0;
}

static unsigned long number_cap(struct rng *r)
{
	return rnd_one_in(r, 8) ? rnd_edge(r) : rnd_below(r, 256);
}

static void fill_count(struct rng *r, void *arg)
{
	uint32_t n = rnd_one_in(r, 2) ? rnd_edge(r) : rnd_below(r, 300);

	memcpy(arg, &n, sizeof(n));
	memset((uint8_t *)arg + 4, 0, 4);
}

static void fill_feature_msrs(struct rng *r, void *arg)
{
	struct kvm_msrs *m = arg;

	m->nmsrs = rnd_one_in(r, 4) ? rnd_edge(r) : rnd_below(r, 8);
	for (int i = 0; i < 8; i++)
		m->entries[i].index = rnd_msr(r);
}

#define OP(w, nr, ...)							\
	{ .name = #nr, .weight = w, .on = ON_NODE, .cmd = nr, __VA_ARGS__ }
#define DO(w, what)	{ .name = #what, .weight = w, .call = op_##what }
#define LIST		.size = FUZZ_ARG_SIZE / 2, .fill = fill_count

const struct fuzz_op fuzz_world_ops[] = {
	{ .name = "set_up_vm", .weight = 16, .call = world_set_up_vm },
	DO(300, run), DO(16, run_page), DO(12, rings), DO(40, memory),
	DO(20, write_memory), DO(12, write_image), DO(2, close_vm),
	DO(3, close_vcpu), DO(4, close_device), DO(24, event), DO(6, stats),
	OP(1, KVM_GET_API_VERSION, .number = number_type),
	OP(3, KVM_CREATE_VM, .number = number_type, .keep = keep_vm),
	OP(1, KVM_CHECK_EXTENSION, .number = number_cap),
	OP(1, KVM_GET_VCPU_MMAP_SIZE, .number = number_type),
	OP(1, KVM_X86_GET_MCE_CAP_SUPPORTED, .size = 8),
	OP(2, KVM_GET_SUPPORTED_CPUID, LIST),
	OP(2, KVM_GET_SUPPORTED_HV_CPUID, LIST),
	OP(1, KVM_GET_MSR_INDEX_LIST, LIST),
	OP(1, KVM_GET_MSR_FEATURE_INDEX_LIST, LIST),
	OP(1, KVM_GET_MSRS, .fill = fill_feature_msrs,
	   .size = sizeof(struct kvm_msrs) + 8 * sizeof(struct kvm_msr_entry)),
};
const unsigned int fuzz_nr_world_ops =
	sizeof(fuzz_world_ops) / sizeof(fuzz_world_ops[0]);
