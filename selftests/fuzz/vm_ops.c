// SPDX-License-Identifier: GPL-2.0-or-later
/* The ioctls of a VM and of its devices, and how their arguments are made. */
#include <linux/xkvm.h>
#include <string.h>

#include "fuzz.h"
#include "xen.h"

#define LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* Mostly one that is open, else one that is none or something else. */
static int rnd_event(struct rng *r)
{
	if (rnd_one_in(r, 16))
		return rnd_one_in(r, 2) ? -1 : world.node;
	return world.event[rnd_below(r, FUZZ_EVENTS)];
}

static uint32_t rnd_gsi(struct rng *r)
{
	return rnd_one_in(r, 16) ? rnd_edge(r) : rnd_below(r, 40);
}

static uint32_t rnd_port(struct rng *r)
{
	return rnd_one_in(r, 12) ? rnd_edge(r) : 1 + rnd_below(r, 8);
}

static uint8_t rnd_vector(struct rng *r)
{
	static const uint8_t vector[] = { 0, 0x10, 0x20, 0x31, 0xf3, 0xff };

	return rnd_one_in(r, 6) ? rnd(r) : RND_PICK(r, vector);
}

static unsigned long number_vcpu(struct rng *r)
{
	return rnd_one_in(r, 10) ? rnd_edge(r) : rnd_below(r, 4);
}

static unsigned long number_cap(struct rng *r)
{
	if (rnd_one_in(r, 8))
		return XKVM_CAP_BASE + rnd_below(r, 4);
	return rnd_one_in(r, 8) ? rnd_edge(r) : rnd_below(r, 256);
}

static void fill_slot(struct rng *r, void *arg)
{
	static const uint32_t flags[] = {
		0, 0, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_LOG_DIRTY_PAGES,
		KVM_MEM_READONLY, KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES,
	};
	struct kvm_userspace_memory_region *m = arg;

	*m = (struct kvm_userspace_memory_region){
		.slot = rnd_one_in(r, 32) ? rnd_edge(r) : rnd_below(r, 5),
		.flags = RND_PICK(r, flags),
		.guest_phys_addr = rnd_gpa(r) & ~0xfffull,
		.memory_size = rnd_size(r),
		.userspace_addr = rnd_hva(r) & ~0xfffull,
	};
	if (m->slot || !rnd_one_in(r, 2))
		return;
	/* the slot that guests start in: change its flags, or move it */
	m->memory_size = rnd_one_in(r, 8) ? 0 : FUZZ_LOW_SIZE;
	m->userspace_addr = FUZZ_MEM;
	if (!rnd_one_in(r, 4))
		m->guest_phys_addr = 0;
}

/* Guests write to their slots: none reaches this program's own memory. */
static void guard_slot(void *arg)
{
	struct kvm_userspace_memory_region *m = arg;

	if (m->userspace_addr < FUZZ_MEM && m->memory_size > 0x1000)
		m->memory_size = 0x1000;
}

static void fill_special(struct rng *r, void *arg)
{
	struct xkvm_special_page *p = arg;
	uint64_t nr = rnd_below(r, 4);

	*p = (struct xkvm_special_page){
		.gfn = rnd_one_in(r, 4) ? rnd_gfn(r) : (GUEST_MMIO >> 12) + nr,
		.user_addr = rnd_one_in(r, 6) ? rnd_hva(r) & ~0xfffull :
			     FUZZ_MEM + (0x500 + nr) * 0x1000,
		.flags = rnd_one_in(r, 4),
	};
}

static void fill_dirty_log(struct rng *r, void *arg)
{
	struct kvm_dirty_log *l = arg;

	*l = (struct kvm_dirty_log){ .slot = rnd_below(r, 5) };
	l->dirty_bitmap = (void *)(rnd_hva(r) & ~7ull);
}

static void fill_clear_log(struct rng *r, void *arg)
{
	struct kvm_clear_dirty_log *l = arg;

	*l = (struct kvm_clear_dirty_log){
		.slot = rnd_below(r, 5),
		.num_pages = rnd_one_in(r, 4) ? rnd_edge(r) :
			     rnd_size(r) >> 12,
		.first_page = rnd_one_in(r, 3) ? rnd_below(r, 16) * 64 :
			      rnd_one_in(r, 8) ? rnd_edge(r) : 0,
	};
	l->dirty_bitmap = (void *)(rnd_hva(r) & ~7ull);
}

static void fill_vm_cap(struct rng *r, void *arg)
{
	static const uint32_t cap[] = {
		KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_X2APIC_API,
		KVM_CAP_EXCEPTION_PAYLOAD, KVM_CAP_X86_TRIPLE_FAULT_EVENT,
		KVM_CAP_X86_DISABLE_EXITS, KVM_CAP_EXIT_ON_EMULATION_FAILURE,
		KVM_CAP_X86_USER_SPACE_MSR, KVM_CAP_MSR_PLATFORM_INFO,
		KVM_CAP_DISABLE_QUIRKS2, KVM_CAP_MAX_VCPU_ID,
		KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_CAP_DIRTY_LOG_RING,
		KVM_CAP_DIRTY_LOG_RING_ACQ_REL, XKVM_CAP_NONCOHERENT_DMA,
	};
	static const uint64_t value[] = {
		0, 1, 1, 2, 3, 4, 7, 8, 24, 32, 0x1000, 0x2000, 0x10000,
	};
	struct kvm_enable_cap *c = arg;

	memset(c, 0, sizeof(*c));
	c->cap = rnd_one_in(r, 16) ? number_cap(r) : RND_PICK(r, cap);
	c->args[0] = rnd_one_in(r, 8) ? rnd_edge(r) : RND_PICK(r, value);
}

static void fill_zone(struct rng *r, void *arg)
{
	struct kvm_coalesced_mmio_zone *z = arg;

	*z = (struct kvm_coalesced_mmio_zone){
		.addr = rnd_one_in(r, 2) ? 0x700 + rnd_below(r, 8) : rnd_gpa(r),
		.size = rnd_one_in(r, 4) ? rnd_edge(r) : 1 + rnd_below(r, 64),
		.pio = rnd_one_in(r, 2),
	};
}

static void fill_irqfd(struct rng *r, void *arg)
{
	static const uint32_t flags[] = {
		0, 0, KVM_IRQFD_FLAG_DEASSIGN, KVM_IRQFD_FLAG_RESAMPLE,
		KVM_IRQFD_FLAG_RESAMPLE | KVM_IRQFD_FLAG_DEASSIGN,
	};
	struct kvm_irqfd *i = arg;

	*i = (struct kvm_irqfd){
		.fd = rnd_event(r), .gsi = rnd_gsi(r),
		.flags = RND_PICK(r, flags), .resamplefd = rnd_event(r),
	};
}

static void fill_ioeventfd(struct rng *r, void *arg)
{
	static const uint32_t len[] = { 0, 1, 2, 4, 8, 3 };
	struct kvm_ioeventfd *e = arg;

	memset(e, 0, sizeof(*e));
	e->flags = rnd_below(r, 8);
	e->addr = e->flags & KVM_IOEVENTFD_FLAG_PIO ?
		  0x700 + rnd_below(r, 8) : rnd_gpa(r);
	e->len = RND_PICK(r, len);
	e->datamatch = rnd_below(r, 4);
	e->fd = rnd_event(r);
}

static void rnd_msi(struct rng *r, uint32_t *lo, uint32_t *hi, uint32_t *data)
{
	*lo = rnd_one_in(r, 6) ? rnd_edge(r) :
	      GUEST_APIC | rnd_below(r, 5) << 12 | rnd_below(r, 4) << 2;
	*hi = rnd_one_in(r, 6) ? rnd_edge(r) : 0;
	*data = rnd_one_in(r, 6) ? rnd_edge(r) :
		rnd_vector(r) | rnd_below(r, 8) << 8 | rnd_below(r, 4) << 14;
}

static void fill_msi(struct rng *r, void *arg)
{
	struct kvm_msi *m = arg;

	memset(m, 0, sizeof(*m));
	rnd_msi(r, &m->address_lo, &m->address_hi, &m->data);
}

static void fill_route(struct rng *r, struct kvm_irq_routing_entry *e)
{
	memset(e, 0, sizeof(*e));
	e->gsi = rnd_gsi(r);
	switch (rnd_below(r, 16)) {
	case 0 ... 4:
		e->type = KVM_IRQ_ROUTING_IRQCHIP;
		e->u.irqchip.irqchip = rnd_below(r, 4);
		e->u.irqchip.pin = rnd_one_in(r, 8) ? rnd_edge(r) :
				   rnd_below(r, 25);
		break;
	case 5 ... 8:
		e->type = KVM_IRQ_ROUTING_MSI;
		rnd_msi(r, &e->u.msi.address_lo, &e->u.msi.address_hi,
			&e->u.msi.data);
		break;
	case 9:
		e->type = rnd_below(r, 8);
		rnd_bytes(r, &e->u, sizeof(e->u));
		break;
	default:
		e->type = KVM_IRQ_ROUTING_XEN_EVTCHN;
		e->u.xen_evtchn.port = rnd_port(r);
		e->u.xen_evtchn.vcpu = number_vcpu(r);
		e->u.xen_evtchn.priority =
			KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL;
	}
}

static void fill_routing(struct rng *r, void *arg)
{
	struct kvm_irq_routing *t = arg;

	t->nr = rnd_one_in(r, 16) ? rnd_edge(r) : rnd_below(r, 5);
	t->flags = 0;
	for (uint32_t i = 0; i < 32; i++)
		fill_route(r, &t->entries[i]);
}

static void fill_xen_config(struct rng *r, void *arg)
{
	struct kvm_xen_hvm_config *c = arg;

	memset(c, 0, sizeof(*c));
	c->msr = rnd_one_in(r, 4) ? rnd_msr(r) : XEN_MSR;
	c->flags = rnd_one_in(r, 2) ? KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
		   KVM_XEN_HVM_CONFIG_EVTCHN_SEND : rnd_below(r, 0x400);
	if (!(c->flags & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL) &&
	    rnd_one_in(r, 2)) {
		c->blob_addr_32 = c->blob_addr_64 = rnd_hva(r);
		c->blob_size_32 = c->blob_size_64 = rnd_below(r, 3);
	}
}

static void fill_xen_evtchn(struct rng *r, struct kvm_xen_hvm_attr *a)
{
	static const uint32_t flags[] = {
		0, 0, 0, KVM_XEN_EVTCHN_DEASSIGN, KVM_XEN_EVTCHN_UPDATE,
		KVM_XEN_EVTCHN_RESET,
	};

	a->u.evtchn.send_port = rnd_port(r);
	a->u.evtchn.type = rnd_one_in(r, 12) ? rnd_edge(r) :
			   rnd_one_in(r, 2) ? EVTCHNSTAT_ipi :
			   EVTCHNSTAT_interdomain;
	a->u.evtchn.flags = RND_PICK(r, flags);
	if (rnd_one_in(r, 3)) {
		a->u.evtchn.deliver.eventfd.fd = rnd_event(r);
		return;
	}
	a->u.evtchn.deliver.port.port = rnd_one_in(r, 2) ? rnd_port(r) :
					a->u.evtchn.send_port;
	a->u.evtchn.deliver.port.vcpu = number_vcpu(r);
	a->u.evtchn.deliver.port.priority =
		KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL;
}

static void fill_xen_attr(struct rng *r, void *arg)
{
	struct kvm_xen_hvm_attr *a = arg;

	memset(a, 0, sizeof(*a));
	a->type = rnd_below(r, 8);
	switch (a->type) {
	case KVM_XEN_ATTR_TYPE_LONG_MODE:
		a->u.long_mode = rnd_one_in(r, 2);
		break;
	case KVM_XEN_ATTR_TYPE_SHARED_INFO:
		a->u.shared_info.gfn = rnd_one_in(r, 8) ? rnd_gfn(r) :
				       XEN_SHINFO >> 12;
		break;
	case KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA:
		a->u.shared_info.gfn = rnd_hva(r) & ~0xfffull;
		break;
	case KVM_XEN_ATTR_TYPE_UPCALL_VECTOR:
		a->u.vector = rnd_vector(r);
		break;
	case KVM_XEN_ATTR_TYPE_EVTCHN:
		fill_xen_evtchn(r, a);
		break;
	default:
		rnd_bytes(r, &a->u, rnd_below(r, sizeof(a->u)));
	}
}

static void fill_xen_send(struct rng *r, void *arg)
{
	struct kvm_irq_routing_xen_evtchn *e = arg;

	*e = (struct kvm_irq_routing_xen_evtchn){
		.port = rnd_port(r), .vcpu = number_vcpu(r),
		.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL,
	};
}

static void fill_msr_filter(struct rng *r, void *arg)
{
	struct kvm_msr_filter *f = arg;

	memset(f, 0, sizeof(*f));
	f->flags = rnd_one_in(r, 3);
	for (unsigned int n = rnd_below(r, 4), i = 0; i < n; i++) {
		f->ranges[i].flags = rnd_below(r, 5);
		f->ranges[i].nmsrs = rnd_one_in(r, 8) ? rnd_edge(r) :
				     rnd_below(r, 64);
		f->ranges[i].base = rnd_msr(r);
		f->ranges[i].bitmap = (void *)rnd_hva(r);
	}
}

static void fill_clock(struct rng *r, void *arg)
{
	struct kvm_clock_data *c = arg;

	memset(c, 0, sizeof(*c));
	c->clock = rnd_edge(r);
	c->flags = rnd_one_in(r, 2) ? 0 : rnd_below(r, 16);
	c->realtime = rnd_edge(r);
	c->host_tsc = rnd_edge(r);
}

static void fill_number64(struct rng *r, void *arg)
{
	uint64_t v = rnd_gpa(r);

	memcpy(arg, &v, sizeof(v));
}

static void fill_line(struct rng *r, void *arg)
{
	struct kvm_irq_level *l = arg;

	*l = (struct kvm_irq_level){
		.irq = rnd_gsi(r), .level = rnd_below(r, 2),
	};
}

static void fill_chip(struct rng *r, void *arg)
{
	struct kvm_irqchip *c = arg;

	memset(c, 0, sizeof(*c));
	c->chip_id = rnd_one_in(r, 16) ? rnd_edge(r) : rnd_below(r, 3);
	rnd_bytes(r, &c->chip, rnd_below(r, sizeof(c->chip)));
}

static void fill_pit_config(struct rng *r, void *arg)
{
	memset(arg, 0, sizeof(struct kvm_pit_config));
	((struct kvm_pit_config *)arg)->flags = rnd_below(r, 2);
}

static void fill_pit(struct rng *r, void *arg)
{
	struct kvm_pit_state2 *s = arg;

	memset(s, 0, sizeof(*s));
	for (int i = 0; i < 3; i++) {
		s->channels[i].count = rnd_edge(r);
		s->channels[i].mode = rnd_below(r, 8);
		s->channels[i].rw_mode = rnd_below(r, 5);
		s->channels[i].gate = rnd_below(r, 2);
		s->channels[i].count_load_time = rnd_edge(r);
	}
	s->flags = rnd_below(r, 4);
}

static void fill_reinject(struct rng *r, void *arg)
{
	memset(arg, 0, sizeof(struct kvm_reinject_control));
	((struct kvm_reinject_control *)arg)->pit_reinject = rnd_below(r, 3);
}

static void fill_device(struct rng *r, void *arg)
{
	struct kvm_create_device *d = arg;

	*d = (struct kvm_create_device){
		.type = rnd_one_in(r, 4) ? rnd_edge(r) : KVM_DEV_TYPE_VFIO,
		.flags = rnd_one_in(r, 4),
		.fd = -1,
	};
}

static void fill_device_attr(struct rng *r, void *arg)
{
	struct kvm_device_attr *a = arg;

	*a = (struct kvm_device_attr){
		.group = rnd_one_in(r, 6) ? rnd_edge(r) : rnd_below(r, 2),
		.attr = rnd_one_in(r, 6) ? rnd_edge(r) : rnd_below(r, 4),
		/* its first bytes are a small number in some places */
		.addr = rnd_hva(r),
	};
}

static void keep_vcpu(struct fuzz_step *s, long fd)
{
	world_keep(&s->vcpu->fd, fd);
}

static void keep_stats(struct fuzz_step *s, long fd)
{
	world_keep(&s->vm->stats, fd);
}

static void keep_device(struct fuzz_step *s, long ret)
{
	const struct kvm_create_device *d = s->arg;

	if (!(d->flags & KVM_CREATE_DEVICE_TEST))
		world_keep(&s->vm->device, d->fd);
}

#define OP(w, nr, ...)							\
	{ .name = #nr, .weight = w, .on = ON_VM, .cmd = nr, __VA_ARGS__ }
#define DEVICE_OP(w, nr, ...)						\
	{ .name = #nr, .weight = w, .on = ON_DEVICE, .cmd = nr, __VA_ARGS__ }
#define STRUCT(type, fn)	.size = sizeof(struct type), .fill = fn

const struct fuzz_op fuzz_vm_ops[] = {
	OP(6, KVM_CREATE_VCPU, .number = number_vcpu, .keep = keep_vcpu),
	OP(2, KVM_CHECK_EXTENSION, .number = number_cap),
	OP(30, KVM_SET_USER_MEMORY_REGION, .guard = guard_slot,
	   STRUCT(kvm_userspace_memory_region, fill_slot)),
	OP(12, XKVM_MAP_SPECIAL, STRUCT(xkvm_special_page, fill_special)),
	OP(10, XKVM_UNMAP_SPECIAL, STRUCT(xkvm_special_page, fill_special)),
	OP(12, KVM_GET_DIRTY_LOG, STRUCT(kvm_dirty_log, fill_dirty_log)),
	OP(8, KVM_CLEAR_DIRTY_LOG,
	   STRUCT(kvm_clear_dirty_log, fill_clear_log)),
	OP(6, KVM_RESET_DIRTY_RINGS, .number = NULL),
	OP(8, KVM_ENABLE_CAP, STRUCT(kvm_enable_cap, fill_vm_cap)),
	OP(3, KVM_GET_STATS_FD, .keep = keep_stats),
	OP(6, KVM_REGISTER_COALESCED_MMIO,
	   STRUCT(kvm_coalesced_mmio_zone, fill_zone)),
	OP(4, KVM_UNREGISTER_COALESCED_MMIO,
	   STRUCT(kvm_coalesced_mmio_zone, fill_zone)),
	OP(16, KVM_IRQFD, STRUCT(kvm_irqfd, fill_irqfd)),
	OP(10, KVM_IOEVENTFD, STRUCT(kvm_ioeventfd, fill_ioeventfd)),
	OP(8, KVM_SIGNAL_MSI, STRUCT(kvm_msi, fill_msi)),
	OP(10, KVM_SET_GSI_ROUTING, .fill = fill_routing,
	   .size = sizeof(struct kvm_irq_routing) +
		   32 * sizeof(struct kvm_irq_routing_entry)),
	OP(6, KVM_XEN_HVM_CONFIG, STRUCT(kvm_xen_hvm_config, fill_xen_config)),
	OP(20, KVM_XEN_HVM_SET_ATTR, STRUCT(kvm_xen_hvm_attr, fill_xen_attr)),
	OP(4, KVM_XEN_HVM_GET_ATTR, STRUCT(kvm_xen_hvm_attr, fill_xen_attr)),
	OP(12, KVM_XEN_HVM_EVTCHN_SEND,
	   STRUCT(kvm_irq_routing_xen_evtchn, fill_xen_send)),
	OP(6, KVM_X86_SET_MSR_FILTER, STRUCT(kvm_msr_filter, fill_msr_filter)),
	OP(1, KVM_SET_BOOT_CPU_ID, .number = number_vcpu),
	OP(2, KVM_GET_CLOCK, .size = sizeof(struct kvm_clock_data)),
	OP(4, KVM_SET_CLOCK, STRUCT(kvm_clock_data, fill_clock)),
	OP(1, KVM_SET_TSS_ADDR, .number = rnd_edge),
	OP(1, KVM_SET_IDENTITY_MAP_ADDR, .size = 8, .fill = fill_number64),
	OP(1, KVM_SET_NR_MMU_PAGES, .number = rnd_edge),
	OP(1, KVM_GET_NR_MMU_PAGES, .number = NULL),
	OP(10, KVM_IRQ_LINE, STRUCT(kvm_irq_level, fill_line)),
	OP(10, KVM_IRQ_LINE_STATUS, STRUCT(kvm_irq_level, fill_line)),
	OP(3, KVM_CREATE_IRQCHIP, .number = NULL),
	OP(3, KVM_GET_IRQCHIP, STRUCT(kvm_irqchip, fill_chip)),
	OP(6, KVM_SET_IRQCHIP, STRUCT(kvm_irqchip, fill_chip)),
	OP(1, KVM_CREATE_PIT, .number = NULL),
	OP(3, KVM_CREATE_PIT2, STRUCT(kvm_pit_config, fill_pit_config)),
	OP(1, KVM_GET_PIT, .size = sizeof(struct kvm_pit_state)),
	OP(2, KVM_GET_PIT2, .size = sizeof(struct kvm_pit_state2)),
	OP(2, KVM_SET_PIT, STRUCT(kvm_pit_state, fill_pit)),
	OP(5, KVM_SET_PIT2, STRUCT(kvm_pit_state2, fill_pit)),
	OP(2, KVM_REINJECT_CONTROL,
	   STRUCT(kvm_reinject_control, fill_reinject)),
	OP(4, KVM_CREATE_DEVICE, .keep = keep_device,
	   STRUCT(kvm_create_device, fill_device)),
	DEVICE_OP(4, KVM_SET_DEVICE_ATTR,
		  STRUCT(kvm_device_attr, fill_device_attr)),
	DEVICE_OP(1, KVM_GET_DEVICE_ATTR,
		  STRUCT(kvm_device_attr, fill_device_attr)),
	DEVICE_OP(1, KVM_HAS_DEVICE_ATTR,
		  STRUCT(kvm_device_attr, fill_device_attr)),
};
const unsigned int fuzz_nr_vm_ops = LEN(fuzz_vm_ops);
