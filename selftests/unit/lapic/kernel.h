/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel, and of the module around it, as the local APIC's
 * sources need to run in a host process with one thread: time stands still
 * until the test moves it, and a kick is counted.
 *
 * Included before everything (-include); it takes the place of kvm/vm.h and
 * kvm/x86/x86.h by their guards.
 */
#ifndef UNIT_LAPIC_KERNEL_H
#define UNIT_LAPIC_KERNEL_H

#define XKVM_VM_H
#define XKVM_X86_H

#include <errno.h>
#include <linux/kvm.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

/* --- language --- */

#define __user
#define __rcu
#define __aligned(n)		__attribute__((aligned(n)))
#define likely(x)		(x)
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define BUILD_BUG_ON(x)		_Static_assert(!(x), #x)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define GENMASK_ULL(h, l)	(~0ull << (l) & ~0ull >> (63 - (h)))
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define PAGE_SIZE		4096u

/* --- bits and atomics --- */

#define BIT_WORD(n, p)		((unsigned long *)(p) + (n) / 64)
#define BIT_OF(n)		(1ul << (n) % 64)

static inline void set_bit(long n, void *p)
{
	__atomic_fetch_or(BIT_WORD(n, p), BIT_OF(n), __ATOMIC_SEQ_CST);
}

static inline void clear_bit(long n, void *p)
{
	__atomic_fetch_and(BIT_WORD(n, p), ~BIT_OF(n), __ATOMIC_SEQ_CST);
}

static inline bool test_and_set_bit(long n, void *p)
{
	return __atomic_fetch_or(BIT_WORD(n, p), BIT_OF(n), __ATOMIC_SEQ_CST) &
	       BIT_OF(n);
}

static inline bool test_and_clear_bit(long n, void *p)
{
	return __atomic_fetch_and(BIT_WORD(n, p), ~BIT_OF(n),
				  __ATOMIC_SEQ_CST) & BIT_OF(n);
}

static inline bool test_bit(long n, const void *p)
{
	return *((const unsigned long *)p + n / 64) & BIT_OF(n);
}

#define __set_bit		set_bit
#define __clear_bit		clear_bit
#define __test_and_set_bit	test_and_set_bit
#define __fls(x)		(63 - __builtin_clzl(x))
#define xchg(p, v)		__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_mb()		smp_wmb()
#define smp_mb__after_atomic()	smp_wmb()
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)

#define DECLARE_BITMAP(name, n)	unsigned long name[((n) + 63) / 64]
#define bitmap_zero(m, n)	memset(m, 0, ((n) + 63) / 64 * 8)

static inline unsigned int unit_next_bit(const unsigned long *m,
					 unsigned int n, unsigned int from)
{
	while (from < n && !(m[from / 64] & BIT_OF(from)))
		from++;
	return from;
}

#define for_each_set_bit(i, m, n)					\
	for ((i) = unit_next_bit(m, n, 0); (unsigned int)(i) < (n);	\
	     (i) = unit_next_bit(m, n, (i) + 1))

typedef struct { int counter; } atomic_t;

#define atomic_read(a)		READ_ONCE((a)->counter)
#define atomic_set(a, v)	WRITE_ONCE((a)->counter, v)
#define atomic_xchg(a, v)	xchg(&(a)->counter, v)

/* --- memory, RCU, locks --- */

#define GFP_KERNEL_ACCOUNT	0
#define kzalloc(n, f)		unit_alloc(n)
#define kfree			free
#define kfree_rcu(p, m)		free(p)
#define free_page(p)		free((void *)(p))
#define struct_size(p, m, n)	(sizeof(*(p)) + sizeof((p)->m[0]) * (n))

static inline void *unit_alloc(size_t n)
{
	/* slab's alignment of a power of two, as far as it matters */
	return memset(aligned_alloc(64, (n + 63) & ~63ul), 0, n);
}

static inline unsigned long get_zeroed_page(int flags)
{
	return (unsigned long)memset(aligned_alloc(PAGE_SIZE, PAGE_SIZE), 0,
				     PAGE_SIZE);
}

static inline size_t roundup_pow_of_two(size_t n)
{
	size_t r = 1;

	while (r < n)
		r <<= 1;
	return r;
}

struct rcu_head { void *next; };
struct mutex { int held; };

#define mutex_lock(m)		((void)(m)->held++)
#define mutex_unlock(m)		((void)(m)->held--)
#define lockdep_is_held(m)	((m)->held)
#define rcu_read_lock()		((void)0)
#define rcu_read_unlock()	((void)0)
#define rcu_dereference(p)	(p)
#define rcu_dereference_protected(p, c)	(p)
#define RCU_INIT_POINTER(p, v)	((p) = (v))
#define rcu_replace_pointer(p, v, c) __extension__ \
	({ __typeof__(p) old_ = (p); (void)(c); (p) = (v); old_; })

/* --- time --- */

typedef u64 gpa_t;		/* kvm/memslot.h is not included here */
typedef s64 ktime_t;

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };

struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *timer);
	ktime_t expires;
	bool active;
};

extern ktime_t unit_now;

#define CLOCK_MONOTONIC		1
#define HRTIMER_MODE_ABS_HARD	0
/* A steered host wakes after so many hundredths of the way. */
extern unsigned int unit_early;
#define clock_ns()		unit_now
#define clock_ktime(t)							\
	((t) - ((t) > unit_now ? ((t) - unit_now) * unit_early / 100 : 0))
#define hrtimer_init(t, c, m)	((void)((t)->active = false))
#define hrtimer_cancel(t)	((void)((t)->active = false))
#define hrtimer_set_expires(t, e)	((void)((t)->expires = (e)))
#define hrtimer_start(t, e, m)	\
	((void)((t)->expires = (e), (t)->active = true))
#define div_u64(a, b)		((a) / (b))
#define div64_u64_rem(a, b, r)	((void)(*(r) = (u64)(a) % (b)))
#define mul_u64_u32_div(a, m, d) \
	((u64)((unsigned __int128)(a) * (m) / (d)))

/* --- the module --- */

#define MSR_IA32_APICBASE_BSP		(1ull << 8)
#define MSR_IA32_APICBASE_ENABLE	(1ull << 11)
#define XKVM_MAX_VCPUS			255
#define REQ_EVENT			1
#define CPUF_X2APIC			(1ull << 0)
#define CPUF_TSC_DEADLINE		(1ull << 5)

struct lapic;
struct lapic_map;

struct vcpu {
	struct vm *vm;
	unsigned int id, index;
	unsigned long requests;
	struct {
		struct lapic *lapic;
		u64 features;
		u8 maxphyaddr;
		u32 mp_state, tsc_khz;
	} arch;
	/* what the test looks at */
	unsigned int kicks, nmis, resets, mode_changes;
	int started_at, rvi, svi;
};

struct vm {
	unsigned int nr_vcpus;
	struct vcpu *vcpus[XKVM_MAX_VCPUS];
	struct {
		struct lapic_map *lapic_map;
		struct mutex lapic_map_lock;
		bool x2apic_ids32, x2apic_no_bcast_quirk;
		bool irqchip_split, irqchip_kernel;
		u32 bsp_id;
		u16 split_pins;
		bool lvt0_nmi;
	} arch;
};

#define vm_for_each_vcpu(i, v, vm)					\
	for ((i) = 0; (i) < (vm)->nr_vcpus && ((v) = (vm)->vcpus[i]); (i)++)

static inline void vcpu_request(struct vcpu *vcpu, int req)
{
	vcpu->requests |= 1ul << req;
}

static inline void vcpu_request_kick(struct vcpu *vcpu, int req)
{
	vcpu_request(vcpu, req);
	vcpu->kicks++;
}

static inline bool guest_has_x2apic(const struct vcpu *vcpu)
{
	return vcpu->arch.features & CPUF_X2APIC;
}

/* kvm/x86/irqchip.h is not included here */
#define XKVM_X86_IRQCHIP_H
struct irq_line;
bool irqchip_pin_valid(struct vm *vm, u32 chip, u32 pin);
int irqchip_set_pin(struct vm *vm, u32 chip, u32 pin,
		    const struct irq_line *line);
void irqchip_eoi(struct vm *vm, u8 vector, bool level);

void vcpu_reset(struct vcpu *vcpu, bool init);
void vcpu_start_at(struct vcpu *vcpu, u8 vector);
void x86_inject_nmi(struct vcpu *vcpu);
u64 x86_guest_tsc(struct vcpu *vcpu);
u32 tsc_true_khz(const struct vcpu *vcpu);
void cpuid_update_runtime(struct vcpu *vcpu);

#define trace_xkvm_apic(...)		((void)0)
#define trace_xkvm_apic_ipi(...)	((void)0)
#define trace_xkvm_apic_accept(...)	((void)0)
#define trace_xkvm_apic_timer(...)	((void)0)
#define trace_xkvm_msi(...)		((void)0)

#endif
