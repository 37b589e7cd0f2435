// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: creation, ioctls, loading onto a CPU, kicks, requests, halting.
 *
 * vcpu->mutex serialises ioctls.  A loaded vCPU follows its task from CPU to
 * CPU through a preempt notifier.  Kicks work on vcpu->mode: whoever sets a
 * request and finds IN_GUEST_MODE sends an interrupt; the run loop sets
 * IN_GUEST_MODE before it looks at the requests for the last time.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "main.h"
#include "trace.h"
#include "stats.h"
#include "vm.h"

static DEFINE_PER_CPU(struct vcpu *, vcpu_on_cpu);
static DEFINE_PER_CPU(struct cpumask, vcpu_kick_mask);

struct vcpu *vcpu_running(void)
{
	return __this_cpu_read(vcpu_on_cpu);
}

static void vcpu_load_cpu(struct vcpu *v, int cpu)
{
	__this_cpu_write(vcpu_on_cpu, v);
	arch_vcpu_load(v, cpu);
	v->cpu = cpu;
}

void vcpu_load(struct vcpu *v)
{
	int cpu = get_cpu();

	preempt_notifier_register(&v->pn);
	v->loaded = true;
	vcpu_load_cpu(v, cpu);
	xen_upcall_look(v);
	put_cpu();
}

void vcpu_put(struct vcpu *v)
{
	preempt_disable();
	arch_vcpu_put(v);
	v->loaded = false;
	preempt_notifier_unregister(&v->pn);
	__this_cpu_write(vcpu_on_cpu, NULL);
	preempt_enable();
}

static void vcpu_sched_in(struct preempt_notifier *pn, int cpu)
{
	struct vcpu *v = container_of(pn, struct vcpu, pn);
	bool slept = !v->preempted;

	WRITE_ONCE(v->preempted, false);
	/*
	 * On a CPU that goes down the scheduler switches to a task once more
	 * to push it away: it gets no further than this, and is loaded where it
	 * goes on.
	 */
	if (unlikely(!main_virt_on()))
		return;
	vcpu_load_cpu(v, cpu);
	xen_runstate_running(v);
	if (slept)
		xen_upcall_look(v);
}

static void vcpu_sched_out(struct preempt_notifier *pn,
			   struct task_struct *next)
{
	struct vcpu *v = container_of(pn, struct vcpu, pn);

	if (task_is_running(current))
		WRITE_ONCE(v->preempted, true);
	xen_runstate_preempted(v);
	arch_vcpu_put(v);
	__this_cpu_write(vcpu_on_cpu, NULL);
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in = vcpu_sched_in,
	.sched_out = vcpu_sched_out,
};

void vcpu_wake(struct vcpu *v)
{
	if (rcuwait_wake_up(&v->wait))
		v->stat.wakeups++;
}

/* This is its own thread, awake, and looks at the requests before it enters. */
static bool vcpu_is_me(const struct vcpu *v)
{
	return in_task() && this_cpu_read(vcpu_on_cpu) == v && !v->blocking;
}

void vcpu_kick(struct vcpu *v)
{
	int cpu, me;

	if (vcpu_is_me(v))
		return;
	/*
	 * Pairs with the barriers of set_current_state() in vcpu_block() and
	 * after mode = IN_GUEST_MODE: either the vCPU sees the request, or it
	 * is seen here.
	 */
	smp_mb();
	if (rcuwait_active(&v->wait))
		vcpu_wake(v);
	if (READ_ONCE(v->mode) != IN_GUEST_MODE)
		return;
	/* who changes the mode sends the interrupt, and at once */
	me = get_cpu();
	if (cmpxchg(&v->mode, IN_GUEST_MODE, EXITING_GUEST_MODE) ==
	    IN_GUEST_MODE) {
		cpu = READ_ONCE(v->cpu);
		if (cpu != me && cpu >= 0 && cpu_online(cpu))
			smp_send_reschedule(cpu);
	}
	put_cpu();
}

static void vcpu_ack_kick(void *unused)
{
}

void vm_request_all(struct vm *vm, enum vcpu_request req)
{
	struct cpumask *mask;
	struct vcpu *v;
	unsigned int i;
	int me = get_cpu();

	mask = this_cpu_ptr(&vcpu_kick_mask);
	cpumask_clear(mask);
	vm_for_each_vcpu(i, v, vm) {
		vcpu_request(v, req);
		/* request before mode; pairs with the smp_mb() of run_once() */
		smp_mb__after_atomic();
		/*
		 * A vCPU on its way out may still run on old translations: the
		 * interrupt waits until it is out.
		 */
		if (READ_ONCE(v->mode) != OUTSIDE_GUEST_MODE) {
			int cpu = READ_ONCE(v->cpu);

			if (cpu >= 0 && cpu != me)
				cpumask_set_cpu(cpu, mask);
		}
	}
	if (!cpumask_empty(mask))
		smp_call_function_many(mask, vcpu_ack_kick, NULL, true);
	put_cpu();
}

static bool vcpu_wakes(struct vcpu *v)
{
	/* what comes with a request is looked at by who takes that */
	return vcpu_request_pending(v) || signal_pending(current) ||
	       arch_vcpu_runnable(v);
}

void vcpu_block(struct vcpu *v)
{
	u64 since = trace_xkvm_halt_enabled() ? ktime_get_ns() : 0;

	v->blocking = true;
	prepare_to_rcuwait(&v->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (vcpu_wakes(v))
			break;
		schedule();
	}
	finish_rcuwait(&v->wait);
	v->blocking = false;
	if (since)
		trace_xkvm_halt(v->id, ktime_get_ns() - since);
}

/*
 * Who runs the vCPU, for a directed yield.  Readers take a reference under
 * RCU, so the old pid has to outlive them; threads seldom change.
 */
static noinline void vcpu_change_pid(struct vcpu *v, struct pid *old)
{
	rcu_assign_pointer(v->pid, get_task_pid(current, PIDTYPE_PID));
	if (!old)
		return;
	synchronize_rcu();
	put_pid(old);
}

static void vcpu_set_pid(struct vcpu *v)
{
	struct pid *old = rcu_dereference_protected(v->pid,
					lockdep_is_held(&v->mutex));

	if (unlikely(old != task_pid(current)))
		vcpu_change_pid(v, old);
}

/* Let a vCPU of this VM run that was preempted. */
static bool vcpu_yield_to(struct vcpu *v)
{
	struct task_struct *task = NULL;
	struct pid *pid;
	bool yielded;

	rcu_read_lock();
	pid = rcu_dereference(v->pid);
	if (pid)
		task = get_pid_task(pid, PIDTYPE_PID);
	rcu_read_unlock();
	if (!task)
		return false;
	yielded = yield_to(task, true) > 0;
	put_task_struct(task);
	return yielded;
}

void vcpu_yield(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	/* the entries after the count, as in vm_for_each_vcpu() */
	unsigned int nr = smp_load_acquire(&vm->nr_vcpus);
	struct vcpu *v;
	unsigned int i;

	/* from the next one on, so that each gets its turn */
	for (i = 1; i < nr; i++) {
		v = vm->vcpus[(vcpu->index + i) % nr];
		if (READ_ONCE(v->preempted) && vcpu_yield_to(v))
			return;
	}
	cond_resched();
}

static long vcpu_run_loaded(struct vcpu *v)
{
	return READ_ONCE(v->vm->bugged) ? -EIO : arch_vcpu_run(v);
}

static noinline long vcpu_run_masked(struct vcpu *v)
{
	sigset_t saved;
	long ret;

	sigprocmask(SIG_SETMASK, &v->sigset, &saved);
	ret = vcpu_run_loaded(v);
	/*
	 * A signal that ended the run must be delivered on the way to user
	 * space under the caller's mask, or KVM_RUN would spin on it.
	 */
	sigprocmask(SIG_SETMASK, &saved, NULL);
	return ret;
}

/* KVM_RUN: the signal mask, then the architecture's loop. */
static long vcpu_run_ioctl(struct vcpu *v)
{
	long ret;

	vcpu_set_pid(v);
	vcpu_load(v);
	if (xen_runstate_enabled(v))
		xen_runstate_running(v);
	ret = unlikely(v->sigset_active) ? vcpu_run_masked(v) :
					   vcpu_run_loaded(v);
	vcpu_put(v);
	return ret;
}

static int vcpu_set_sigmask(struct vcpu *v, void __user *arg)
{
	struct kvm_signal_mask mask;
	sigset_t set;

	if (!arg) {
		v->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&mask, arg, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, arg + sizeof(mask), sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	v->sigset = set;
	v->sigset_active = true;
	return 0;
}

static int vcpu_xen_attr(struct vcpu *v, void __user *arg, bool set)
{
	struct kvm_xen_vcpu_attr a;
	int ret;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (set)
		return xen_vcpu_set_attr(v, &a);
	ret = xen_vcpu_get_attr(v, &a);
	if (!ret && copy_to_user(arg, &a, sizeof(a)))
		return -EFAULT;
	return ret;
}

/* All but KVM_RUN, which goes without the stack that some of these need. */
static noinline long vcpu_ioctl_rare(struct vcpu *v, unsigned int cmd,
				     unsigned long arg)
{
	void __user *uarg = (void __user *)arg;
	long ret;

	switch (cmd) {
	case KVM_GET_STATS_FD:
		return stats_fd(v->vm, v);
	case KVM_SET_SIGNAL_MASK:
		return vcpu_set_sigmask(v, uarg);
	case KVM_XEN_VCPU_GET_ATTR:
	case KVM_XEN_VCPU_SET_ATTR:
		vcpu_load(v);
		ret = vcpu_xen_attr(v, uarg, cmd == KVM_XEN_VCPU_SET_ATTR);
		vcpu_put(v);
		return ret;
	default:
		return arch_vcpu_ioctl(v, cmd, arg);
	}
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vcpu *v = file->private_data;
	long ret;

	if (v->vm->mm != current->mm || READ_ONCE(v->vm->bugged))
		return -EIO;
	if (_IOC_TYPE(cmd) != KVMIO)
		return -EINVAL;
	if (unlikely(!mutex_trylock(&v->mutex)) &&
	    mutex_lock_killable(&v->mutex))
		return -EINTR;
	if (likely(cmd == KVM_RUN))
		ret = arg ? -EINVAL : vcpu_run_ioctl(v);
	else
		ret = vcpu_ioctl_rare(v, cmd, arg);
	mutex_unlock(&v->mutex);
	return ret;
}

#ifdef CONFIG_COMPAT
/* A 32-bit signal mask has another layout; the rest is the same. */
static long vcpu_compat_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	struct vcpu *v = file->private_data;
	void __user *uarg = compat_ptr(arg);
	struct kvm_signal_mask mask;
	sigset_t set;

	if (cmd != KVM_SET_SIGNAL_MASK || !uarg)
		return vcpu_ioctl(file, cmd, (unsigned long)uarg);
	if (v->vm->mm != current->mm || READ_ONCE(v->vm->bugged))
		return -EIO;
	if (copy_from_user(&mask, uarg, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(compat_sigset_t))
		return -EINVAL;
	if (get_compat_sigset(&set, uarg + sizeof(mask)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	if (mutex_lock_killable(&v->mutex))
		return -EINTR;
	v->sigset = set;
	v->sigset_active = true;
	mutex_unlock(&v->mutex);
	return 0;
}
#endif

static vm_fault_t vcpu_mmap_fault(struct vm_fault *vmf)
{
	struct vcpu *v = vmf->vma->vm_file->private_data;

	switch (vmf->pgoff) {
	case 0:
		vmf->page = virt_to_page(v->run);
		break;
	case KVM_PIO_PAGE_OFFSET:
		vmf->page = virt_to_page(v->pio_data);
		break;
	case KVM_COALESCED_MMIO_PAGE_OFFSET:
		vmf->page = coalesced_page(v->vm);
		break;
	default:
		vmf->page = dirty_ring_page(v, vmf->pgoff);
	}
	if (!vmf->page)
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_mmap_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vcpu *v = file->private_data;

	if (vma->vm_pgoff + vma_pages(vma) > VCPU_MMAP_PAGES &&
	    !dirty_ring_mmap_ok(v, vma->vm_pgoff, vma_pages(vma),
				vma->vm_flags))
		return -EINVAL;
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *v = file->private_data;

	vm_put(v->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vcpu_compat_ioctl,
#endif
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

static void vcpu_free(struct vcpu *v)
{
	xen_vcpu_exit(v);
	arch_vcpu_exit(v);
	dirty_ring_exit(v);
	free_page((unsigned long)v->pio_data);
	free_page((unsigned long)v->run);
	put_pid(rcu_dereference_protected(v->pid, true));
	kvfree(v);
}

static struct vcpu *vcpu_alloc(struct vm *vm, unsigned int id)
{
	struct vcpu *v = kvzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!v)
		return ERR_PTR(-ENOMEM);
	v->vm = vm;
	v->id = id;
	v->index = vm->nr_vcpus;
	v->cpu = -1;
	mutex_init(&v->mutex);
	rcuwait_init(&v->wait);
	preempt_notifier_init(&v->pn, &vcpu_preempt_ops);
	v->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	v->pio_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!v->run || !v->pio_data)
		goto err_pages;
	ret = dirty_ring_init(v);
	if (ret)
		goto err_pages;
	ret = arch_vcpu_init(v);
	if (ret)
		goto err_ring;
	ret = xen_vcpu_init(v);
	if (ret)
		goto err_arch;
	return v;

err_arch:
	arch_vcpu_exit(v);
err_ring:
	dirty_ring_exit(v);
err_pages:
	free_page((unsigned long)v->pio_data);
	free_page((unsigned long)v->run);
	kvfree(v);
	return ERR_PTR(ret);
}

/* Nothing after the publication fails: the vCPU stays until the VM goes. */
static int vcpu_create_locked(struct vm *vm, unsigned int id)
{
	struct file *file;
	struct vcpu *v;
	int fd, ret;

	lockdep_assert_held(&vm->lock);
	if (vm->nr_vcpus == XKVM_MAX_VCPUS)
		return -EINVAL;
	if (vm_vcpu_by_id(vm, id))
		return -EEXIST;
	v = vcpu_alloc(vm, id);
	if (IS_ERR(v))
		return PTR_ERR(v);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto err_vcpu;
	}
	file = anon_inode_getfile("kvm-vcpu", &vcpu_fops, v, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto err_fd;
	}
	vm_get(vm);			/* the file's; see vcpu_release() */
	vm->vcpus[v->index] = v;
	/* the entry before the count: pairs with vm_for_each_vcpu() */
	smp_store_release(&vm->nr_vcpus, v->index + 1);
	arch_vcpu_online(v);
	/* from here on user space can run it: it has to be found by then */
	fd_install(fd, file);
	return fd;

err_fd:
	put_unused_fd(fd);
err_vcpu:
	vcpu_free(v);
	return ret;
}

int vcpu_create_fd(struct vm *vm, unsigned long id)
{
	int ret;

	if (id >= XKVM_MAX_VCPU_ID)
		return -EINVAL;
	mutex_lock(&vm->lock);
	ret = vcpu_create_locked(vm, id);
	mutex_unlock(&vm->lock);
	return ret;
}

void vcpu_destroy_all(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_free(vm->vcpus[i]);
	vm->nr_vcpus = 0;
}
