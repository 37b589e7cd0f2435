// SPDX-License-Identifier: GPL-2.0-only
/* What stands around the local APIC in its unit tests. */
#include "../../kvm/routing.h"
#include "lapic_machine.h"

ktime_t unit_now = 1000000;
unsigned int unit_early;
struct vm machine;

const char *tap_precondition(void)
{
	return NULL;
}

/* --- what the rest of the module does --- */

void vcpu_reset(struct vcpu *vcpu, bool init)
{
	vcpu->resets++;
	lapic_reset(vcpu, init);
}

void vcpu_start_at(struct vcpu *vcpu, u8 vector)
{
	vcpu->started_at = vector;
}

void x86_inject_nmi(struct vcpu *vcpu)
{
	vcpu->nmis++;
}

/* Three cycles a nanosecond. */
u32 tsc_true_khz(const struct vcpu *vcpu)
{
	return vcpu->arch.tsc_khz;
}

u64 x86_guest_tsc(struct vcpu *vcpu)
{
	return unit_now * 3;
}

void cpuid_update_runtime(struct vcpu *vcpu)
{
}

void vmx_set_rvi(struct vcpu *vcpu, int vector)
{
	vcpu->rvi = vector;
}

void vmx_set_svi(struct vcpu *vcpu, int vector)
{
	vcpu->svi = vector;
}

void vmx_reset_tpr_threshold(struct vcpu *vcpu)
{
}

void apic_page_leave(struct vm *vm)
{
}

void vmx_lapic_mode_changed(struct vcpu *vcpu)
{
	vcpu->mode_changes++;
}

/* There is no I/O APIC but user space's. */
bool irqchip_pin_valid(struct vm *vm, u32 chip, u32 pin)
{
	return false;
}

int irqchip_set_pin(struct vm *vm, u32 chip, u32 pin,
		    const struct irq_line *line)
{
	FAIL("pin %u of chip %u", pin, chip);
}

void irqchip_eoi(struct vm *vm, u8 vector, bool level)
{
	FAIL("end of vector %#x", vector);
}

/* --- the machine --- */

static void machine_add(unsigned int id)
{
	struct vcpu *vcpu = calloc(1, sizeof(*vcpu));

	vcpu->vm = &machine;
	vcpu->id = id;
	vcpu->index = id;
	vcpu->started_at = -1;
	vcpu->arch.features = CPUF_X2APIC | CPUF_TSC_DEADLINE;
	vcpu->arch.maxphyaddr = 40;
	vcpu->arch.tsc_khz = 3000000;
	CHECK(!lapic_create(vcpu));
	lapic_reset(vcpu, false);
	machine.vcpus[id] = vcpu;
	machine.nr_vcpus++;
	machine_write(id, LAPIC_SVR, 0x1ff);
}

void machine_make(unsigned int nr)
{
	unsigned int id;

	for (id = 0; id < nr; id++)
		machine_add(id);
	lapic_map_update(&machine);
}

struct vcpu *machine_cpu(unsigned int id)
{
	return machine.vcpus[id];
}

static bool machine_expire(ktime_t until)
{
	struct hrtimer *next = NULL;
	unsigned int i;

	for (i = 0; i < machine.nr_vcpus; i++) {
		struct hrtimer *t = &machine.vcpus[i]->arch.lapic->timer;

		if (t->active && t->expires <= until &&
		    (!next || t->expires < next->expires))
			next = t;
	}
	if (!next)
		return false;
	unit_now = max(unit_now, next->expires);
	next->active = next->function(next) == HRTIMER_RESTART;
	return true;
}

void machine_pass(s64 ns)
{
	ktime_t until = unit_now + ns;

	while (machine_expire(until))
		;
	unit_now = until;
}

u32 machine_read(unsigned int id, u32 reg)
{
	struct vcpu *vcpu = machine_cpu(id);
	u64 data = 0;

	if (lapic_x2apic(vcpu->arch.lapic))
		CHECK(!lapic_msr_read(vcpu, 0x800 + reg / 16, &data));
	else
		CHECK(!lapic_mmio_read(vcpu, reg, 4, &data));
	return data;
}

void machine_write(unsigned int id, u32 reg, u32 val)
{
	struct vcpu *vcpu = machine_cpu(id);

	if (lapic_x2apic(vcpu->arch.lapic))
		CHECK(!lapic_msr_write(vcpu, 0x800 + reg / 16, val));
	else
		CHECK(!lapic_mmio_write(vcpu, reg, 4, &val));
}

void machine_x2apic(unsigned int id)
{
	struct vcpu *vcpu = machine_cpu(id);

	CHECK(!lapic_set_base(vcpu, lapic_get_base(vcpu) | LAPIC_BASE_EXTD,
			      false));
}

int machine_msi(u32 addr, u32 data)
{
	struct kvm_irq_routing_entry route = {
		.gsi = 100, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = addr, .data = data },
	};
	const struct irq_line up = { .gsi = 100, .level = true };

	return arch_routing_deliver(&machine, &route, &up);
}

int machine_take(unsigned int id)
{
	struct vcpu *vcpu = machine_cpu(id);
	int vector;

	lapic_timer_deliver(vcpu);
	vector = lapic_pending_vector(vcpu);
	CHECK((vector >= 0) == lapic_has_interrupt(vcpu));
	if (vector >= 0)
		lapic_accept(vcpu, vector);
	return vector;
}

void machine_eoi(unsigned int id)
{
	machine_write(id, LAPIC_EOI, 0);
}
