// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a guest, in the whole VMM: a destroy in each state ends it in
 * two seconds, with I/O under way or not; restarts, signals, half-made guests.
 */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "fake_xen.h"
#include "../../vmm/life.h"
#include "../../vmm/xen/abi.h"

#define DESTROY_NS	2000000000ull

static bool wrecks;		/* the guest: crash, or reboot */

const char *tap_precondition(void)
{
	return NULL;
}

static void destroy(void)
{
	char reply[256];

	fake_mark();
	fake_request("destroy", reply, sizeof(reply));
	CHECK(strstr(reply, "ok"));
}

/* @cfg's guest, driven by @drive, which marks; it must be over in time. */
static int run(struct vm_config *cfg, void (*drive)(void))
{
	uint64_t ns;
	int ret = fake_run(cfg, drive, &ns);

	CHECK_MSG(ns < DESTROY_NS * tap_scale(), "%llu ms until the end",
		  (unsigned long long)ns / 1000000);
	return ret;
}

static void destroy_running(void)
{
	CHECK(!strcmp(fake_line, "ready\n"));
	fake_wait_state("running");
	destroy();
}

static void running(unsigned int vcpus)
{
	struct vm_config cfg = fake_config(vcpus);

	fake_guest = g_spin;
	CHECK_EQ(run(&cfg, destroy_running), VM_RUN_ENDED);
	CHECK_EQ(fake_made, 1);
}

TEST(running_1, "destroy: one vCPU that spins")
{
	running(1);
}

TEST(running_9, "destroy: 9 vCPUs")
{
	running(9);
}

TEST(running_128, "destroy: 128 vCPUs")
{
	running(128);
}

/* As in a hypercall that does not end: nothing gets the vCPU out. */
static void stuck(struct fake_vcpu *g)
{
	for (;;)
		pause();
}

TEST(stuck, "destroy: a vCPU that does not come back")
{
	struct vm_config cfg = fake_config(2);

	fake_guest = stuck;
	CHECK_EQ(run(&cfg, destroy_running), VM_RUN_ENDED);
}

static void ask_often(void)
{
	char reply[1024];
	int i;

	/* Each second the VMM asks the vCPU whether it has halted. */
	for (i = 0; i < 15; i++) {
		fake_mark();
		fake_request("status", reply, sizeof(reply));
		CHECK(strstr(reply, "running"));
		usleep(100000);
	}
	destroy();
}

TEST_TIMEOUT(ask, "the loop does not wait for a vCPU that does not come back",
	     20)
{
	struct vm_config cfg = fake_config(1);

	fake_guest = stuck;
	CHECK_EQ(run(&cfg, ask_often), VM_RUN_ENDED);
}

static void end_at_once(struct fake_vcpu *g)
{
	if (wrecks)
		g_shutdown(g, SHUTDOWN_crash);
	else
		g_shutdown(g, SHUTDOWN_reboot);
}

static void destroy_preserved(void)
{
	fake_wait_state("shutdown");
	destroy();
}

TEST(preserved, "destroy: preserved")
{
	struct vm_config cfg = fake_config(2);

	cfg.on_reboot = VM_ACTION_PRESERVE;
	fake_guest = end_at_once;
	CHECK_EQ(run(&cfg, destroy_preserved), VM_RUN_ENDED);
	CHECK_EQ(fake_made, 1);
}

static void destroy_waiting(void)
{
	fake_wait_state("paused");
	destroy();
}

TEST(waiting, "destroy: before a restart")
{
	struct vm_config cfg = fake_config(2);

	cfg.on_reboot = VM_ACTION_RESTART;
	fake_guest = end_at_once;
	CHECK_EQ(run(&cfg, destroy_waiting), VM_RUN_ENDED);
	CHECK_EQ(fake_made, 1);
}

/* Disk I/O under way */

static bool ends;
static unsigned int end_reason;

static void with_io(struct fake_vcpu *g)
{
	if (fake_made == 1)
		g_disk_read(g, 8);
	if (fake_made == 1 && ends)
		g_shutdown(g, end_reason);
	g_spin(g);
}

static void destroy_io(void)
{
	int i;

	for (i = 0; i < 2000 && fake_io_held < 8; i++)
		usleep(5000);
	CHECK_EQ(fake_io_held, 8);
	if (ends)
		fake_wait_state(end_reason == SHUTDOWN_soft_reset ? "paused" :
				"shutdown");
	destroy();
}

static void io(int ms, bool end, unsigned int reason)
{
	struct vm_config cfg = fake_config(1);

	fake_add_disk(&cfg);
	cfg.on_reboot = VM_ACTION_RESTART;
	cfg.on_soft_reset = VM_ACTION_SOFT_RESET;
	fake_io_ms = ms;
	ends = end;
	end_reason = reason;
	fake_guest = with_io;
	CHECK_EQ(run(&cfg, destroy_io), VM_RUN_ENDED);
}

TEST(io_never, "destroy: running, I/O that never ends")
{
	io(FAKE_IO_NEVER, false, 0);
}

TEST(io_never_ending, "destroy: powered off, I/O that never ends")
{
	io(FAKE_IO_NEVER, true, SHUTDOWN_poweroff);
}

TEST(io_never_renewing, "destroy: about to restart, I/O that never ends")
{
	io(FAKE_IO_NEVER, true, SHUTDOWN_reboot);
	CHECK_EQ(fake_made, 1);
}

TEST(io_late, "destroy: running, I/O that ends later: orderly")
{
	io(500, false, 0);
	CHECK_EQ(fake_io_held, 0);
}

TEST(io_late_ending, "destroy: powered off, I/O that ends later")
{
	io(500, true, SHUTDOWN_poweroff);
	CHECK_EQ(fake_io_held, 0);
}

TEST(io_late_renewing, "destroy: about to restart, I/O that ends later")
{
	io(500, true, SHUTDOWN_reboot);
	CHECK_EQ(fake_io_held, 0);
	CHECK_EQ(fake_made, 1);
}

TEST(io_never_resetting, "destroy: about to soft reset, I/O that never ends")
{
	io(FAKE_IO_NEVER, true, SHUTDOWN_soft_reset);
	CHECK_EQ(fake_made, 1);
}

TEST(io_late_resetting, "destroy: about to soft reset, I/O that ends later")
{
	io(500, true, SHUTDOWN_soft_reset);
	CHECK_EQ(fake_io_held, 0);
	CHECK_EQ(fake_made, 1);
}

/* Restarts */

TEST_TIMEOUT(loop, "a guest that crashes at once restarts a few times", 60)
{
	struct vm_config cfg = fake_config(2);
	uint64_t ns;

	wrecks = true;
	cfg.on_crash = VM_ACTION_RESTART;
	fake_guest = end_at_once;
	fake_mark();
	CHECK_EQ(fake_run(&cfg, NULL, &ns), VM_RUN_CRASHED);
	CHECK_EQ(fake_made, LIFE_QUICK_MAX + 1);
	CHECK(ns >= LIFE_QUICK_MAX * LIFE_PAUSE_NS);
}

static unsigned int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void destroy_made(void)
{
	if (!strcmp(fake_line, "ready\n"))
		destroy();
}

TEST_TIMEOUT(half_made, "a guest whose making fails anywhere is undone", 60)
{
	unsigned int fds, n, failed = 0;
	int left;

	fake_guest = g_spin;
	for (n = 1; ; n++) {
		struct vm_config cfg = fake_config(3);

		fds = descriptors();
		fake_made = 0;
		fake_fail = n;
		if (!fake_run(&cfg, destroy_made, NULL)) {
			/* Some it can do without; at last there are no more. */
			if (fake_fail > 0)
				break;
			continue;
		}
		left = fake_fail;
		CHECK_MSG(left <= 0, "failed for another reason: %s", fake_line);
		CHECK(strcmp(fake_line, "ready\n"));
		CHECK_EQ(descriptors(), fds);
		failed++;
	}
	CHECK_MSG(failed > 20, "only %u ioctls were tried", failed);
}

static int fail_kind;

static void fail_restart(struct fake_vcpu *g)
{
	if (fail_kind)
		fake_fail_thread = 2;
	else
		fake_fail = 20;
	g_shutdown(g, SHUTDOWN_reboot);
}

static void half_restart(int kind)
{
	struct vm_config cfg = fake_config(1);

	cfg.vcpus = cfg.maxvcpus = 4;
	fail_kind = kind;
	cfg.on_reboot = VM_ACTION_RESTART;
	fake_guest = fail_restart;
	CHECK_EQ(fake_run(&cfg, NULL, NULL), VM_RUN_CRASHED);
	CHECK_EQ(fake_made, 2);
}

TEST(half_restart, "a restart whose n-th vCPU fails is undone")
{
	half_restart(0);
}

TEST(half_started, "a restart whose n-th thread fails is undone")
{
	half_restart(1);
}

/* Signals */

static void term_once(void)
{
	fake_wait_state("running");
	kill(getpid(), SIGTERM);
	usleep(900000);
	fake_mark();
}

TEST(term_ignored, "SIGTERM: a guest that does not listen has its time")
{
	struct vm_config cfg = fake_config(2);

	setenv("XKVM_TERM_SECONDS", "1", 1);
	fake_guest = g_spin;
	CHECK_EQ(run(&cfg, term_once), VM_RUN_ENDED);
}

static void term_twice(void)
{
	fake_wait_state("running");
	kill(getpid(), SIGTERM);
	usleep(100000);
	fake_mark();
	kill(getpid(), SIGHUP);
}

TEST(term_twice, "the second signal ends it at once")
{
	struct vm_config cfg = fake_config(2);

	fake_guest = g_spin;
	CHECK_EQ(run(&cfg, term_twice), VM_RUN_ENDED);
}

static void listen(struct fake_vcpu *g)
{
	char value[16];

	if (g->id)
		g_spin(g);
	do {
		g_store_read(g, "control/shutdown", value, sizeof(value));
		usleep(1000);
	} while (strcmp(value, "poweroff"));
	g_shutdown(g, SHUTDOWN_poweroff);
}

static void term(void)
{
	fake_wait_state("running");
	fake_mark();
	kill(getpid(), SIGTERM);
}

TEST(term_heard, "SIGTERM: a guest that listens powers off, and stays off")
{
	struct vm_config cfg = fake_config(2);

	cfg.on_poweroff = VM_ACTION_RESTART;
	fake_guest = listen;
	CHECK_EQ(run(&cfg, term), VM_RUN_ENDED);
	CHECK_EQ(fake_made, 1);
}
