// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module load and unload, the node, its ioctls, and turning virtualization on
 * and off on the CPUs.
 *
 * virt_lock guards the count of VMs.  Virtualization is on, on every online
 * CPU, while the count is not zero; CPU hotplug, suspend, reboot and kexec
 * follow it.  arch_virt_end() comes a while after the last VM.
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/workqueue.h>

#include "arch.h"
#include "compat.h"
#include "main.h"
#include "notifier.h"
#include "vm.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static char *device = "xkvm";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "name of the node in /dev (xkvm, or kvm where no other KVM holds it)");

#define VIRT_END_DELAY	(HZ / 10)

static DEFINE_MUTEX(virt_lock);
static unsigned int virt_users;		/* virt_lock */
static bool virt_begun;			/* virt_lock: arch_virt_begin() was called */
static enum cpuhp_state virt_hp_state;
static DEFINE_PER_CPU(bool, virt_cpu_on);
struct dentry *main_debugfs;

bool main_virt_on(void)
{
	return __this_cpu_read(virt_cpu_on);
}

static int virt_cpu_enable(void)
{
	int ret;

	if (__this_cpu_read(virt_cpu_on))
		return 0;
	ret = arch_cpu_on();
	if (!ret)
		__this_cpu_write(virt_cpu_on, true);
	return ret;
}

static void virt_cpu_disable(void)
{
	if (!__this_cpu_read(virt_cpu_on))
		return;
	arch_cpu_off();
	__this_cpu_write(virt_cpu_on, false);
}

static void virt_ipi_enable(void *failed)
{
	int ret = virt_cpu_enable();

	if (ret)
		atomic_cmpxchg((atomic_t *)failed, 0, ret);
}

static void virt_ipi_disable(void *unused)
{
	virt_cpu_disable();
}

/*
 * arch_virt_end() waits for a grace period, so whoever closes the last VM leaves
 * it to this.  It holds up whoever makes the next VM: hence only once nobody
 * has made one for a while.
 */
static void virt_end(struct work_struct *unused)
{
	mutex_lock(&virt_lock);
	if (!virt_users && virt_begun) {
		arch_virt_end();
		virt_begun = false;
	}
	mutex_unlock(&virt_lock);
}

static DECLARE_DELAYED_WORK(virt_end_work, virt_end);

static void virt_stop(void)
{
	on_each_cpu(virt_ipi_disable, NULL, 1);
	schedule_delayed_work(&virt_end_work, VIRT_END_DELAY);
}

int main_virt_get(void)
{
	atomic_t failed = ATOMIC_INIT(0);
	int ret = 0;

	/* takes cpus_read_lock() itself, which must not nest: a CPU may go down */
	preempt_notifier_inc();
	/* cpus_read_lock() first: hotplug callbacks take virt_lock inside it */
	cpus_read_lock();
	mutex_lock(&virt_lock);
	if (!virt_users) {
		if (!virt_begun)
			arch_virt_begin();
		virt_begun = true;
		on_each_cpu(virt_ipi_enable, &failed, 1);
		ret = atomic_read(&failed);
		if (ret)
			virt_stop();
	}
	if (!ret)
		virt_users++;
	mutex_unlock(&virt_lock);
	cpus_read_unlock();
	if (ret)
		preempt_notifier_dec();
	if (ret == -EBUSY)
		pr_err("VMX is in use by another hypervisor: stop its guests or unload it (rmmod kvm_intel), then try again\n");
	return ret;
}

void main_virt_put(void)
{
	cpus_read_lock();
	mutex_lock(&virt_lock);
	if (!--virt_users)
		virt_stop();
	mutex_unlock(&virt_lock);
	cpus_read_unlock();
	preempt_notifier_dec();
}

static int virt_cpu_online(unsigned int cpu)
{
	unsigned long flags;
	int ret;

	preempt_disable();
	ret = arch_cpu_check();
	preempt_enable();
	if (ret)
		return ret;
	mutex_lock(&virt_lock);
	if (virt_users) {
		local_irq_save(flags);
		ret = virt_cpu_enable();
		local_irq_restore(flags);
	}
	mutex_unlock(&virt_lock);
	return ret;
}

static int virt_cpu_offline(unsigned int cpu)
{
	unsigned long flags;

	mutex_lock(&virt_lock);
	local_irq_save(flags);
	virt_cpu_disable();
	local_irq_restore(flags);
	mutex_unlock(&virt_lock);
	return 0;
}

/* Suspend: one CPU left, interrupts off, nobody can hold virt_lock. */
static int virt_suspend(COMPAT_SYSCORE_ARG)
{
	virt_cpu_disable();
	arch_suspend();
	return 0;
}

static void virt_resume(COMPAT_SYSCORE_ARG)
{
	arch_resume();
	if (virt_users)
		WARN_ON(virt_cpu_enable());
}

/*
 * The machine restarts, powers off or starts another kernel from this CPU,
 * which must not be left in VMX operation: INIT would be blocked.  Tasks may
 * still be switched in here, see vcpu_sched_in().  The kernel stops the other
 * CPUs, and its emergency callback ends VMX operation there after the last
 * instruction of any vCPU.
 */
static void virt_shutdown(COMPAT_SYSCORE_ARG)
{
	unsigned long flags;

	local_irq_save(flags);
	virt_cpu_disable();
	local_irq_restore(flags);
}

compat_syscore(virt_syscore,
	.suspend = virt_suspend,
	.resume = virt_resume,
	.shutdown = virt_shutdown,
);

static long main_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return vm_create_fd(arg);
	case KVM_CHECK_EXTENSION:
		return vm_check_extension(NULL, arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : VCPU_MMAP_PAGES * PAGE_SIZE;
	case KVM_TRACE_ENABLE:
	case KVM_TRACE_PAUSE:
	case KVM_TRACE_DISABLE:
		return -EOPNOTSUPP;
	default:
		return arch_system_ioctl(file, cmd, arg);
	}
}

static const struct file_operations main_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = main_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice main_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.fops = &main_fops,
	.mode = 0666,
};

static int __init main_init(void)
{
	int ret;

	if (strcmp(device, "xkvm") && strcmp(device, "kvm")) {
		pr_err("device=%s: only xkvm and kvm are possible\n", device);
		return -EINVAL;
	}
	ret = arch_module_init();
	if (ret)
		return ret;
	main_debugfs = debugfs_create_dir("xkvm", NULL);
	arch_debugfs();
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "xkvm:online",
				virt_cpu_online, virt_cpu_offline);
	if (ret < 0)
		goto err_arch;
	virt_hp_state = ret;
	compat_register_syscore(&virt_syscore);
	main_dev.name = device;
	ret = misc_register(&main_dev);
	if (ret) {
		pr_err("/dev/%s exists already: load with device=xkvm or unload the other KVM\n",
		       device);
		goto err_syscore;
	}
	pr_info("ready: /dev/%s\n", device);
	return 0;

err_syscore:
	compat_unregister_syscore(&virt_syscore);
	cpuhp_remove_state(virt_hp_state);
err_arch:
	debugfs_remove(main_debugfs);
	arch_module_exit();
	return ret;
}

static void __exit main_exit(void)
{
	misc_deregister(&main_dev);
	compat_unregister_syscore(&virt_syscore);
	cpuhp_remove_state(virt_hp_state);
	flush_delayed_work(&virt_end_work);
	notifier_module_exit();
	rcu_barrier();			/* memslot.c's and others' callbacks */
	debugfs_remove(main_debugfs);
	arch_module_exit();
}

module_init(main_init);
module_exit(main_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Xen guests on a plain Linux host");
