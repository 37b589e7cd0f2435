// SPDX-License-Identifier: GPL-2.0-or-later
/* A run of the whole VMM over the fake node, and somebody who drives it. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "boot_images.h"
#include "fake_node.h"
#include "../../vmm/control.h"
#include "../../vmm/privs.h"

#define FAKE_PATIENCE_MS	10000

char fake_line[512];

static char dir[32];
static char kernel[64], image[64];
static int ready[2];
static _Atomic uint64_t marked;
static void (*driver)(void);

/* The test may still want to open files; sandbox_test is about this. */
int privs_drop(unsigned int domid, char *err, size_t err_len)
{
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void fake_mark(void)
{
	atomic_store(&marked, now_ns());
}

static void cleanup(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, CONTROL_SOCKET);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", dir, CONTROL_CONSOLE_SOCKET);
	unlink(path);
	unlink(kernel);
	unlink(image);
	rmdir(dir);
}

struct vm_config fake_config(unsigned int nr)
{
	static struct blob b;
	int fd;

	strcpy(dir, "/tmp/xkvm-fake-XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(kernel, sizeof(kernel), "%s/kernel", dir);
	make_elf64(&b);
	fd = open(kernel, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK_OK(fd);
	CHECK_EQ(write(fd, b.data, b.len), b.len);
	close(fd);
	return (struct vm_config) {
		.name = (char *)"t", .memory_mib = 64, .maxmem_mib = 64,
		.vcpus = nr, .maxvcpus = nr, .kernel = kernel,
		.cmdline = (char *)"",
	};
}

void fake_add_disk(struct vm_config *cfg)
{
	static struct vm_config_disk d = { .vdev = (char *)"xvda" };
	int fd;

	snprintf(image, sizeof(image), "%s/image", dir);
	fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_OK(fd);
	CHECK_OK(ftruncate(fd, 1 << 20));
	close(fd);
	d.target = image;
	cfg->disks = &d;
	cfg->nr_disks = 1;
}

void fake_request(const char *verb, char *reply, size_t len)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[64];
	ssize_t n;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", dir, CONTROL_SOCKET);
	CHECK_OK(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	n = snprintf(line, sizeof(line), "{\"verb\": \"%s\"}\n", verb);
	CHECK_EQ(write(fd, line, n), n);
	n = read(fd, reply, len - 1);
	reply[n > 0 ? n : 0] = 0;
	close(fd);
}

void fake_wait_state(const char *state)
{
	char want[64], reply[1024];
	int ms;

	snprintf(want, sizeof(want), "\"%s\"", state);
	for (ms = 0; ms < FAKE_PATIENCE_MS; ms += 5) {
		fake_request("status", reply, sizeof(reply));
		if (strstr(reply, want))
			return;
		usleep(5000);
	}
	FAIL("never %s: %s", state, reply);
}

static void *fake_drive(void *arg)
{
	ssize_t n = read(ready[0], fake_line, sizeof(fake_line) - 1);

	fake_line[n > 0 ? n : 0] = 0;
	if (driver)
		driver();
	return NULL;
}

int fake_run(struct vm_config *cfg, void (*drive)(void), uint64_t *ns)
{
	struct vm_run_opts opts = {
		.console_fd = -1, .lock_fd = -1, .control_path = dir,
		.domid = 1,
	};
	pthread_t thread;
	sigset_t set, old;
	int ret;

	setenv("XKVM_DEV", "/dev/null", 1);
	signal(SIGPIPE, SIG_IGN);
	CHECK_OK(pipe(ready));
	opts.ready_fd = ready[1];
	driver = drive;
	/* Signals are the VMM's. */
	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, &old);
	CHECK_EQ(pthread_create(&thread, NULL, fake_drive, NULL), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	ret = vm_run(cfg, &opts);
	if (ns)
		*ns = now_ns() - atomic_load(&marked);
	pthread_join(thread, NULL);
	close(ready[0]);
	cleanup();
	return ret;
}
