// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfds: owns vm->irqfds, the eventfds that raise a GSI.
 *
 * An irqfd waits on its eventfd's wait queue.  The wake-up callback runs under
 * that queue's lock with interrupts off, and delivers the GSI there; a route
 * that has to sleep goes to the irqfd's work item.
 *
 * Locks: table->mutex (assign, deassign, reaping; sleeps) > the wait queue's
 * lock > table->lock (the lists; interrupts off).  An irqfd is on one of two
 * lists: live, or dying once somebody has decided that it goes.  Who holds
 * table->mutex reaps the dying: takes the irqfd off its wait queue, after
 * which no callback runs, lets its work finish, and frees it.  Nothing else
 * points to it, so no grace period is needed, but for those that resample:
 * irqfd_ack() walks their list under RCU, as it signals eventfds, whose queues'
 * locks are outside table->lock.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "irqfd.h"
#include "routing.h"
#include "trace.h"
#include "vm.h"

struct irqfd_table {
	struct vm *vm;
	struct mutex mutex;
	spinlock_t lock;
	struct list_head live;		/* lock */
	struct list_head dying;		/* lock */
	struct list_head resamplers;	/* lock; readers: RCU */
	bool exiting;			/* mutex */
	struct work_struct reap;	/* a file of an irqfd was closed */
};

struct irqfd {
	struct irqfd_table *table;
	struct list_head link;		/* table->lock */
	bool live;			/* table->lock; on the live list */
	u32 gsi;
	struct eventfd_ctx *ctx;
	struct eventfd_ctx *resample;	/* or NULL */
	struct list_head resample_link;	/* table->lock */
	wait_queue_entry_t wait;
	wait_queue_head_t *queue;	/* NULL until it waits there */
	poll_table pt;
	struct work_struct inject;
};

/* --- an event --- */

static int irqfd_set_line(struct vm *vm, u32 gsi, enum irq_line_source source,
			  bool level)
{
	struct irq_line line = {
		.gsi = gsi, .source = source, .level = level,
	};

	return routing_set_irq_atomic(vm, &line);
}

static void irqfd_inject(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, inject);
	struct irq_line line = {
		.gsi = irqfd->gsi, .source = IRQ_LINE_USER, .level = true,
	};

	routing_set_irq(irqfd->table->vm, &line);
	/* the route may be a pin by now */
	line.level = false;
	routing_set_irq(irqfd->table->vm, &line);
}

static void irqfd_raise(struct irqfd *irqfd)
{
	struct vm *vm = irqfd->table->vm;
	int r;

	/* a pin stays up until the guest has seen to it */
	if (irqfd->resample)
		r = irqfd_set_line(vm, irqfd->gsi, IRQ_LINE_RESAMPLE, true);
	else
		r = routing_pulse(vm, irqfd->gsi);
	if (r == -EWOULDBLOCK)
		schedule_work(&irqfd->inject);
}

bool irqfd_any_resampler(struct vm *vm)
{
	return !list_empty(&vm->irqfds->resamplers);
}

bool irqfd_ack(struct vm *vm, u32 gsi)
{
	struct irqfd *irqfd;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &vm->irqfds->resamplers, resample_link) {
		if (irqfd->gsi != gsi)
			continue;
		/* lowered before the first can raise it again */
		if (!found)
			irqfd_set_line(vm, gsi, IRQ_LINE_RESAMPLE, false);
		found = true;
		compat_eventfd_signal(irqfd->resample);
	}
	rcu_read_unlock();
	return found;
}

/* Nobody but the reaper may use it from now on; table->lock held. */
static void irqfd_doom(struct irqfd *irqfd)
{
	lockdep_assert_held(&irqfd->table->lock);
	irqfd->live = false;
	list_move(&irqfd->link, &irqfd->table->dying);
	if (irqfd->resample)
		list_del_rcu(&irqfd->resample_link);
}

/* The eventfd's file is gone.  The queue's lock is held: reap it elsewhere. */
static void irqfd_hangup(struct irqfd *irqfd)
{
	struct irqfd_table *table = irqfd->table;
	unsigned long flags;

	/*
	 * Queue the work under the lock: irqfd_exit() dooms them all under it
	 * before it cancels the work, so none is queued after that.
	 */
	spin_lock_irqsave(&table->lock, flags);
	if (irqfd->live) {
		irqfd_doom(irqfd);
		schedule_work(&table->reap);
	}
	spin_unlock_irqrestore(&table->lock, flags);
}

static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync,
			void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	int consumed = 0;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->ctx, &count);
		irqfd_raise(irqfd);
		consumed = 1;
	}
	if (events & EPOLLHUP)
		irqfd_hangup(irqfd);
	return consumed;
}

/* --- lifetime --- */

/* Nobody resamples for it any more: it must not hold up the line either. */
static void irqfd_end_resample(struct irqfd *irqfd)
{
	struct irqfd_table *table = irqfd->table;
	struct irqfd *other;
	bool shared = false;

	if (!irqfd->resample)
		return;
	/* while the VM goes no vCPU runs, so nobody acknowledges */
	if (!table->exiting) {
		synchronize_rcu_expedited();
		spin_lock_irq(&table->lock);
		list_for_each_entry(other, &table->resamplers, resample_link)
			shared |= other->gsi == irqfd->gsi;
		spin_unlock_irq(&table->lock);
		if (!shared)
			irqfd_set_line(table->vm, irqfd->gsi, IRQ_LINE_RESAMPLE,
				       false);
	}
	eventfd_ctx_put(irqfd->resample);
}

/* Free every irqfd on the dying list; table->mutex held. */
static void irqfd_reap(struct irqfd_table *table)
{
	struct irqfd *irqfd;
	u64 count;

	lockdep_assert_held(&table->mutex);
	for (;;) {
		spin_lock_irq(&table->lock);
		irqfd = list_first_entry_or_null(&table->dying, struct irqfd,
						 link);
		if (irqfd)
			list_del_init(&irqfd->link);
		spin_unlock_irq(&table->lock);
		if (!irqfd)
			return;
		if (irqfd->queue)
			eventfd_ctx_remove_wait_queue(irqfd->ctx, &irqfd->wait,
						      &count);
		/* no callback from here on, so nothing queues it again */
		flush_work(&irqfd->inject);
		irqfd_end_resample(irqfd);
		eventfd_ctx_put(irqfd->ctx);
		kfree(irqfd);
	}
}

static void irqfd_reap_work(struct work_struct *work)
{
	struct irqfd_table *table = container_of(work, struct irqfd_table,
						 reap);

	mutex_lock(&table->mutex);
	irqfd_reap(table);
	mutex_unlock(&table->mutex);
}

int irqfd_init(struct vm *vm)
{
	struct irqfd_table *table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);

	if (!table)
		return -ENOMEM;
	table->vm = vm;
	mutex_init(&table->mutex);
	spin_lock_init(&table->lock);
	INIT_LIST_HEAD(&table->live);
	INIT_LIST_HEAD(&table->dying);
	INIT_LIST_HEAD(&table->resamplers);
	INIT_WORK(&table->reap, irqfd_reap_work);
	vm->irqfds = table;
	return 0;
}

void irqfd_exit(struct vm *vm)
{
	struct irqfd_table *table = vm->irqfds;
	struct irqfd *irqfd, *next;

	if (!table)
		return;
	spin_lock_irq(&table->lock);
	list_for_each_entry_safe(irqfd, next, &table->live, link)
		irqfd_doom(irqfd);
	spin_unlock_irq(&table->lock);
	cancel_work_sync(&table->reap);

	mutex_lock(&table->mutex);
	table->exiting = true;
	irqfd_reap(table);
	mutex_unlock(&table->mutex);
	vm->irqfds = NULL;
	kfree(table);
}

/* --- assigning --- */

static void irqfd_queue_proc(struct file *file, wait_queue_head_t *queue,
			     poll_table *pt)
{
	struct irqfd *irqfd = container_of(pt, struct irqfd, pt);

	irqfd->queue = queue;
	/* before other waiters, which see no event that is consumed here */
	add_wait_queue_priority(queue, &irqfd->wait);
}

/* Put it on the live list; -EBUSY if its eventfd is there. */
static int irqfd_link(struct irqfd_table *table, struct irqfd *irqfd)
{
	struct irqfd *other;
	int r = 0;

	spin_lock_irq(&table->lock);
	list_for_each_entry(other, &table->live, link) {
		if (other->ctx == irqfd->ctx)
			r = -EBUSY;
	}
	if (!r) {
		list_add_tail(&irqfd->link, &table->live);
		if (irqfd->resample)
			list_add_tail_rcu(&irqfd->resample_link,
					  &table->resamplers);
		irqfd->live = true;
	}
	spin_unlock_irq(&table->lock);
	return r;
}

static struct irqfd *irqfd_new(struct irqfd_table *table, u32 gsi)
{
	struct irqfd *irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);

	if (!irqfd)
		return NULL;
	irqfd->table = table;
	irqfd->gsi = gsi;
	INIT_WORK(&irqfd->inject, irqfd_inject);
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);
	init_poll_funcptr(&irqfd->pt, irqfd_queue_proc);
	return irqfd;
}

/* The caller holds a reference to @file, so its hang-up cannot come yet. */
static int irqfd_attach(struct irqfd_table *table, struct irqfd *irqfd,
			struct file *file)
{
	int r;

	mutex_lock(&table->mutex);
	r = irqfd_link(table, irqfd);
	/* an event that was there before we waited has woken nobody */
	if (!r && vfs_poll(file, &irqfd->pt) & EPOLLIN)
		irqfd_raise(irqfd);
	mutex_unlock(&table->mutex);
	return r;
}

static int irqfd_assign(struct irqfd_table *table, const struct kvm_irqfd *args)
{
	struct irqfd *irqfd;
	struct file *file;
	int r;

	irqfd = irqfd_new(table, args->gsi);
	if (!irqfd)
		return -ENOMEM;
	file = fget(args->fd);
	if (!file) {
		r = -EBADF;
		goto err_free;
	}
	irqfd->ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(irqfd->ctx)) {
		r = PTR_ERR(irqfd->ctx);
		goto err_fput;
	}
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		struct eventfd_ctx *resample = eventfd_ctx_fdget(args->resamplefd);

		if (IS_ERR(resample)) {
			r = PTR_ERR(resample);
			goto err_put_ctx;
		}
		irqfd->resample = resample;
	}
	r = irqfd_attach(table, irqfd, file);
	if (r)
		goto err_put_resample;
	fput(file);
	return 0;

err_put_resample:
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
err_put_ctx:
	eventfd_ctx_put(irqfd->ctx);
err_fput:
	fput(file);
err_free:
	kfree(irqfd);
	return r;
}

static int irqfd_deassign(struct irqfd_table *table,
			  const struct kvm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct irqfd *irqfd, *next;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	mutex_lock(&table->mutex);
	spin_lock_irq(&table->lock);
	list_for_each_entry_safe(irqfd, next, &table->live, link) {
		if (irqfd->ctx == ctx && irqfd->gsi == args->gsi)
			irqfd_doom(irqfd);
	}
	spin_unlock_irq(&table->lock);
	irqfd_reap(table);
	mutex_unlock(&table->mutex);
	eventfd_ctx_put(ctx);
	return 0;
}

int irqfd_ioctl(struct vm *vm, const struct kvm_irqfd *args)
{
	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return irqfd_deassign(vm->irqfds, args);
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE ? !arch_routing_pins(vm) :
						    !arch_routing_allowed(vm))
		return -EINVAL;
	return irqfd_assign(vm->irqfds, args);
}
