// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs: creation, ioctls, destruction.
 *
 * A VM lives until the last of its file and its vCPUs' files is closed.
 * Destruction waits for no grace period: whoever could still reach the VM
 * (notifier, irqfds) is cut off under a lock of its own.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "device.h"
#include "dirty.h"
#include "iobus.h"
#include "ioeventfd.h"
#include "irqfd.h"
#include "main.h"
#include "notifier.h"
#include "routing.h"
#include "stats.h"
#include "vm.h"

void vm_get(struct vm *vm)
{
	refcount_inc(&vm->users);
}

static void vm_free(struct vm *vm)
{
	stats_vm_exit(vm);
	/* its timers raise lines, for which irqfds and vCPUs are looked at */
	arch_vm_stop(vm);
	irqfd_exit(vm);
	xen_vm_stop(vm);
	/* notifier callbacks touch slots and caches: they end before both do */
	notifier_detach(vm);
	vcpu_destroy_all(vm);
	routing_exit(vm);
	iobus_exit(vm);
	coalesced_exit(vm);
	xen_vm_exit(vm);
	memslot_exit(vm);
	arch_vm_exit(vm);
	mmdrop(vm->mm);
	kvfree(vm);
	main_virt_put();
	module_put(THIS_MODULE);
}

void vm_put(struct vm *vm)
{
	if (refcount_dec_and_test(&vm->users))
		vm_free(vm);
}

void vm_kill(struct vm *vm, const char *why)
{
	struct vcpu *v;
	unsigned int i;

	if (xchg(&vm->bugged, true))
		return;
	pr_err_ratelimited("VM of pid %d stopped: %s\n", current->tgid, why);
	vm_for_each_vcpu(i, v, vm)
		vcpu_request_kick(v, REQ_DEAD);
}

static struct vm *vm_create(unsigned long type)
{
	struct vm *vm;
	int ret;

	vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	rwlock_init(&vm->mmu_lock);
	init_rwsem(&vm->slots_lock);
	mutex_init(&vm->lock);
	mutex_init(&vm->ring_lock);
	coalesced_init(vm);
	vm->mm = current->mm;
	mmgrab(vm->mm);

	ret = main_virt_get();
	if (ret)
		goto err_free;
	ret = arch_vm_init(vm, type);
	if (ret)
		goto err_virt;
	ret = memslot_init(vm);
	if (ret)
		goto err_arch;
	ret = xen_vm_init(vm);
	if (ret)
		goto err_memslot;
	ret = iobus_init(vm);
	if (ret)
		goto err_xen;
	ret = routing_init(vm);
	if (ret)
		goto err_iobus;
	ret = irqfd_init(vm);
	if (ret)
		goto err_routing;
	/* last: from here on callbacks come */
	ret = notifier_attach(vm);
	if (ret)
		goto err_irqfd;
	/* until now, as when it goes, nobody else has it: see memslots_of() */
	refcount_set(&vm->users, 1);
	__module_get(THIS_MODULE);
	return vm;

err_irqfd:
	irqfd_exit(vm);
err_routing:
	routing_exit(vm);
err_iobus:
	iobus_exit(vm);
err_xen:
	xen_vm_exit(vm);
err_memslot:
	memslot_exit(vm);
err_arch:
	arch_vm_exit(vm);
err_virt:
	main_virt_put();
err_free:
	mmdrop(vm->mm);
	kvfree(vm);
	return ERR_PTR(ret);
}

struct vcpu *vm_vcpu_by_id(struct vm *vm, unsigned int id)
{
	struct vcpu *v;
	unsigned int i;

	vm_for_each_vcpu(i, v, vm)
		if (v->id == id)
			return v;
	return NULL;
}

int vm_check_extension(struct vm *vm, long ext)
{
	switch (ext) {
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_INTERNAL_ERROR_DATA:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_SYNC_MMU:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_IOEVENTFD:
	case KVM_CAP_IOEVENTFD_NO_LENGTH:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_IRQFD:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_SIGNAL_MSI:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_BINARY_STATS_FD:
	case KVM_CAP_COALESCED_PIO:
	case KVM_CAP_DEVICE_CTRL:
		return 1;
	case XKVM_CAP_SPECIAL:
		return SPECIAL_MAX;
	case KVM_CAP_NR_MEMSLOTS:
		return XKVM_NR_SLOTS;
	case KVM_CAP_IRQ_ROUTING:
		return ROUTING_MAX;
	case KVM_CAP_NR_VCPUS:
		return min_t(unsigned int, num_online_cpus(), XKVM_MAX_VCPUS);
	case KVM_CAP_MAX_VCPUS:
		return XKVM_MAX_VCPUS;
	case KVM_CAP_MAX_VCPU_ID:
		return XKVM_MAX_VCPU_ID;
	case KVM_CAP_XEN_HVM:
		return xen_capabilities();
	case KVM_CAP_COALESCED_MMIO:
		return KVM_COALESCED_MMIO_PAGE_OFFSET;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
		       KVM_DIRTY_LOG_INITIALLY_SET;
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return DIRTY_RING_MAX * sizeof(struct kvm_dirty_gfn);
	default:
		return arch_check_extension(vm, ext);
	}
}

static int vm_set_memory(struct vm *vm, void __user *arg)
{
	struct kvm_userspace_memory_region r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	return memslot_set(vm, &r);
}

static int vm_special(struct vm *vm, void __user *arg, bool map)
{
	struct xkvm_special_page p;

	if (copy_from_user(&p, arg, sizeof(p)))
		return -EFAULT;
	return map ? special_map(vm, &p) : special_unmap(vm, &p);
}

static int vm_create_device(struct vm *vm, void __user *arg)
{
	struct kvm_create_device c;
	int ret;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	ret = device_new(vm, &c);
	if (!ret && copy_to_user(arg, &c, sizeof(c)))
		ret = -EFAULT;
	return ret;
}

static int vm_dirty_log(struct vm *vm, void __user *arg)
{
	struct kvm_dirty_log log;

	if (copy_from_user(&log, arg, sizeof(log)))
		return -EFAULT;
	return dirty_get_log(vm, &log);
}

static int vm_clear_dirty_log(struct vm *vm, void __user *arg)
{
	struct kvm_clear_dirty_log log;

	if (copy_from_user(&log, arg, sizeof(log)))
		return -EFAULT;
	return dirty_clear_log(vm, &log);
}

static int vm_coalesced(struct vm *vm, void __user *arg, bool add)
{
	struct kvm_coalesced_mmio_zone z;

	if (copy_from_user(&z, arg, sizeof(z)))
		return -EFAULT;
	return add ? coalesced_register(vm, &z) : coalesced_unregister(vm, &z);
}

/* Capabilities that are the same everywhere; the others are arch's. */
static int vm_enable_cap(struct vm *vm, void __user *arg)
{
	struct kvm_enable_cap cap;

	if (copy_from_user(&cap, arg, sizeof(cap)))
		return -EFAULT;
	if (cap.flags)
		return -EINVAL;
	switch (cap.cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return dirty_set_manual(vm, cap.args[0]);
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return dirty_ring_enable(vm, cap.args[0]);
	default:
		return arch_vm_enable_cap(vm, &cap);
	}
}

static int vm_irqfd(struct vm *vm, void __user *arg)
{
	struct kvm_irqfd r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	return irqfd_ioctl(vm, &r);
}

static int vm_ioeventfd(struct vm *vm, void __user *arg)
{
	struct kvm_ioeventfd r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	return ioeventfd_ioctl(vm, &r);
}

static int vm_signal_msi(struct vm *vm, void __user *arg)
{
	struct kvm_msi msi;

	if (copy_from_user(&msi, arg, sizeof(msi)))
		return -EFAULT;
	return routing_msi_ioctl(vm, &msi);
}

static int vm_xen_config(struct vm *vm, void __user *arg)
{
	struct kvm_xen_hvm_config c;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	return xen_hvm_config(vm, &c);
}

static int vm_xen_attr(struct vm *vm, void __user *arg, bool set)
{
	struct kvm_xen_hvm_attr a;
	int ret;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (set)
		return xen_vm_set_attr(vm, &a);
	ret = xen_vm_get_attr(vm, &a);
	if (!ret && copy_to_user(arg, &a, sizeof(a)))
		return -EFAULT;
	return ret;
}

static int vm_xen_send(struct vm *vm, void __user *arg)
{
	struct kvm_irq_routing_xen_evtchn e;

	if (copy_from_user(&e, arg, sizeof(e)))
		return -EFAULT;
	return xen_evtchn_send(vm, &e);
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vm *vm = file->private_data;
	void __user *uarg = (void __user *)arg;

	if (vm->mm != current->mm || READ_ONCE(vm->bugged))
		return -EIO;
	switch (cmd) {
	case KVM_CREATE_VCPU:
		return vcpu_create_fd(vm, arg);
	case KVM_CHECK_EXTENSION:
		return vm_check_extension(vm, arg);
	case KVM_SET_USER_MEMORY_REGION:
		return vm_set_memory(vm, uarg);
	case KVM_CREATE_DEVICE:
		return vm_create_device(vm, uarg);
	case XKVM_MAP_SPECIAL:
		return vm_special(vm, uarg, true);
	case XKVM_UNMAP_SPECIAL:
		return vm_special(vm, uarg, false);
	case KVM_GET_DIRTY_LOG:
		return vm_dirty_log(vm, uarg);
	case KVM_CLEAR_DIRTY_LOG:
		return vm_clear_dirty_log(vm, uarg);
	case KVM_RESET_DIRTY_RINGS:
		return dirty_ring_reset_all(vm);
	case KVM_ENABLE_CAP:
		return vm_enable_cap(vm, uarg);
	case KVM_GET_STATS_FD:
		return stats_fd(vm, NULL);
	case KVM_REGISTER_COALESCED_MMIO:
	case KVM_UNREGISTER_COALESCED_MMIO:
		return vm_coalesced(vm, uarg,
				    cmd == KVM_REGISTER_COALESCED_MMIO);
	case KVM_IRQFD:
		return vm_irqfd(vm, uarg);
	case KVM_IOEVENTFD:
		return vm_ioeventfd(vm, uarg);
	case KVM_SIGNAL_MSI:
		return vm_signal_msi(vm, uarg);
	case KVM_SET_GSI_ROUTING:
		return routing_set_ioctl(vm, uarg);
	case KVM_XEN_HVM_CONFIG:
		return vm_xen_config(vm, uarg);
	case KVM_XEN_HVM_GET_ATTR:
		return vm_xen_attr(vm, uarg, false);
	case KVM_XEN_HVM_SET_ATTR:
		return vm_xen_attr(vm, uarg, true);
	case KVM_XEN_HVM_EVTCHN_SEND:
		return vm_xen_send(vm, uarg);
	default:
		return arch_vm_ioctl(vm, cmd, arg);
	}
}

#ifdef CONFIG_COMPAT
/* A pointer and its padding differ. */
static long vm_compat_dirty_log(struct vm *vm, void __user *uarg)
{
	struct kvm_dirty_log log;
	compat_uptr_t bitmap;

	if (copy_from_user(&log, uarg, sizeof(log)) ||
	    get_user(bitmap, (compat_uptr_t __user *)
		     (uarg + offsetof(struct kvm_dirty_log, dirty_bitmap))))
		return -EFAULT;
	log.dirty_bitmap = compat_ptr(bitmap);
	return dirty_get_log(vm, &log);
}

static long vm_compat_clear_dirty_log(struct vm *vm, void __user *uarg)
{
	struct kvm_clear_dirty_log log;
	compat_uptr_t bitmap;

	if (copy_from_user(&log, uarg, sizeof(log)) ||
	    get_user(bitmap, (compat_uptr_t __user *)
		     (uarg + offsetof(struct kvm_clear_dirty_log,
				      dirty_bitmap))))
		return -EFAULT;
	log.dirty_bitmap = compat_ptr(bitmap);
	return dirty_clear_log(vm, &log);
}

/* Only what holds a pointer is different for a 32-bit caller. */
static long vm_compat_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct vm *vm = file->private_data;
	void __user *uarg = compat_ptr(arg);
	long ret;

	if (vm->mm != current->mm || READ_ONCE(vm->bugged))
		return -EIO;
	if (cmd == KVM_GET_DIRTY_LOG)
		return vm_compat_dirty_log(vm, uarg);
	if (cmd == KVM_CLEAR_DIRTY_LOG)
		return vm_compat_clear_dirty_log(vm, uarg);
	ret = arch_vm_compat_ioctl(vm, cmd, uarg);
	if (ret != -ENOIOCTLCMD)
		return ret;
	return vm_ioctl(file, cmd, (unsigned long)uarg);
}
#endif

static int vm_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vm_compat_ioctl,
#endif
	.llseek = noop_llseek,
};

int vm_create_fd(unsigned long type)
{
	struct vm *vm = vm_create(type);
	int fd;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	stats_vm_init(vm);
	fd = anon_inode_getfd("kvm-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);
	return fd;
}
