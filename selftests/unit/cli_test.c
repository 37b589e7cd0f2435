// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command from its arguments to its exit status, over real processes,
 * locks, sockets and terminals; behind it the made-up guests of cli_guest.c.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/cli/cli.h"
#include "../../vmm/cli/rundir.h"

static char base[] = "/tmp/cli-test-XXXXXX", run[64], cfgs[64];

const char *tap_precondition(void)
{
	return NULL;
}

static void setup(void)
{
	CHECK(mkdtemp(base));
	snprintf(run, sizeof(run), "%s/run", base);
	snprintf(cfgs, sizeof(cfgs), "%s/cfg", base);
	CHECK_OK(mkdir(cfgs, 0700));
	CHECK_OK(setenv("XKVM_RUN_DIR", run, 1));
	umask(022);
}

static void teardown(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -r %s", base);
	CHECK(!system(cmd));
}

static char out[65536];		/* stdout and stderr of the last command */
static size_t out_len;

struct command {
	pid_t pid;
	int in, out;
};

/* Run "xkvm ARGS", split at spaces, with @tty (or pipes) as stdio. */
static struct command begin(const char *args, int tty)
{
	struct command c = { .in = -1, .out = -1 };
	int in[2], outp[2];

	CHECK_OK(pipe2(in, O_CLOEXEC));
	CHECK_OK(pipe2(outp, O_CLOEXEC));
	fflush(NULL);
	c.pid = fork();
	CHECK_OK(c.pid);
	if (!c.pid) {
		char copy[512], *argv[20] = { (char *)"xkvm" }, *save;
		int argc = 1;

		snprintf(copy, sizeof(copy), "%s", args);
		for (char *a = strtok_r(copy, " ", &save); a;
		     a = strtok_r(NULL, " ", &save))
			argv[argc++] = a;
		dup2(tty >= 0 ? tty : in[0], 0);
		dup2(tty >= 0 ? tty : outp[1], 1);
		dup2(tty >= 0 ? tty : outp[1], 2);
		/* As after exec(). */
		close_range(3, ~0u, 0);
		exit(cli_main(argc, argv));
	}
	close(in[0]);
	close(outp[1]);
	c.in = in[1];
	c.out = outp[0];
	return c;
}

/* Read what the command prints until @until appears in it or it ends. */
static void expect(int fd, const char *until)
{
	out_len = 0;
	for (;;) {
		ssize_t n = read(fd, out + out_len, sizeof(out) - 1 - out_len);

		if (n <= 0)
			break;
		out_len += (size_t)n;
		out[out_len] = 0;
		if (until && strstr(out, until))
			return;
	}
	out[out_len] = 0;
	CHECK_MSG(!until, "ended without '%s': %s", until, out);
}

static int end(struct command *c)
{
	int status;

	if (c->in >= 0)
		close(c->in);
	expect(c->out, NULL);
	close(c->out);
	CHECK(waitpid(c->pid, &status, 0) == c->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	       128 + WTERMSIG(status);
}

static int xkvm(const char *args)
{
	struct command c = begin(args, -1);

	return end(&c);
}

/* "create" for a guest called @name that does @what. */
static const char *create(const char *options, const char *name,
			  const char *what)
{
	static char args[256];
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", cfgs, name);
	f = fopen(path, "w");
	CHECK(f);
	fprintf(f, "name='%s'\ntype='pvh'\nkernel='/k'\nmemory=64\n"
		"cmdline='%s'\n", name, what);
	fclose(f);
	snprintf(args, sizeof(args), "create %s %s", options, path);
	return args;
}

static bool exists(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", run, name);
	return !access(path, F_OK);
}

#define SAYS(text) CHECK_MSG(strstr(out, text), "%s", out)

TEST(usage, "wrong verbs and options are told so, with status 2")
{
	setup();
	CHECK_EQ(xkvm(""), CLI_USAGE);
	CHECK_EQ(xkvm("frobnicate"), CLI_USAGE);
	SAYS("xkvm: no verb 'frobnicate'");
	CHECK_EQ(xkvm("create"), CLI_USAGE);
	SAYS("usage: xkvm create");
	CHECK_EQ(xkvm("create -z x"), CLI_USAGE);
	CHECK_EQ(xkvm("console"), CLI_USAGE);
	CHECK_EQ(xkvm("console a b"), CLI_USAGE);
	CHECK_EQ(xkvm("list -z"), CLI_USAGE);
	CHECK_EQ(xkvm("destroy -f x"), CLI_USAGE);
	CHECK_EQ(xkvm("help"), CLI_OK);
	SAYS("create");
	CHECK_EQ(xkvm("help console"), CLI_OK);
	SAYS("usage: xkvm console NAME");
	CHECK_EQ(xkvm("help x"), CLI_FAILED);
	CHECK_EQ(xkvm("--help"), CLI_OK);
	CHECK_EQ(xkvm("--version"), CLI_OK);
	SAYS("xkvm 0.");
	teardown();
}

TEST(life, "create, list, domid, domname, shutdown, and the name is free")
{
	setup();
	CHECK_EQ(xkvm(create("", "a", "echo")), CLI_OK);
	CHECK_EQ(out_len, 0);
	CHECK_EQ(xkvm(create("", "b", "echo")), CLI_OK);
	CHECK_EQ(xkvm("list"), CLI_OK);
	SAYS("Name      ");
	SAYS("\na                                            1    64     1     r-----       1.5\n"
	     "b                                            2    64     1     r-----       1.5\n");
	CHECK_EQ(xkvm("list b"), CLI_OK);
	CHECK(!strstr(out, "\na "));
	CHECK_EQ(xkvm("list -l"), CLI_OK);
	SAYS("\"name\": \"a\"");
	SAYS("\"memory_mib\": 64");
	CHECK_EQ(xkvm("domid b"), CLI_OK);
	CHECK(!strcmp(out, "2\n"));
	CHECK_EQ(xkvm("domname 1"), CLI_OK);
	CHECK(!strcmp(out, "a\n"));
	CHECK_EQ(xkvm("domname 3"), CLI_FAILED);
	CHECK_EQ(xkvm("reboot a"), CLI_OK);
	CHECK_EQ(xkvm("shutdown -w a"), CLI_OK);
	CHECK(!exists("a"));
	CHECK_EQ(xkvm("shutdown -w a"), CLI_FAILED);
	CHECK(!strcmp(out, "xkvm: no guest called a is running: see xkvm list\n"));
	/* A number is not given again at once. */
	CHECK_EQ(xkvm(create("", "a", "echo")), CLI_OK);
	CHECK_EQ(xkvm("domid a"), CLI_OK);
	CHECK(!strcmp(out, "3\n"));
	CHECK_EQ(xkvm("destroy 3"), CLI_OK);
	CHECK_EQ(xkvm("destroy b"), CLI_OK);
	CHECK_EQ(xkvm("list"), CLI_OK);
	CHECK(!strchr(strchr(out, '\n') + 1, '\n'));
	CHECK(!exists("a") && !exists("b"));
	teardown();
}

TEST(failures, "a guest that cannot start is one line, and nothing stays")
{
	setup();
	CHECK_EQ(xkvm(create("", "g", "fail")), CLI_FAILED);
	CHECK(!strcmp(out, "xkvm: the made-up guest cannot be started: change it\n"));
	CHECK(!exists("g"));
	CHECK_EQ(xkvm(create("-c", "g", "fail")), CLI_FAILED);
	SAYS("xkvm: the made-up guest cannot be started: change it\n");
	CHECK(!exists("g"));
	CHECK_EQ(xkvm(create("", "g", "die")), CLI_FAILED);
	SAYS("xkvm: g: its process ended while starting: see ");
	CHECK(!exists("g"));
	CHECK_EQ(xkvm("create /nonexistent.cfg"), CLI_FAILED);
	CHECK(!strcmp(out, "xkvm: /nonexistent.cfg: cannot open the configuration: No such file or directory\n"));
	create("", "g", "echo");
	CHECK_EQ(xkvm(create("", "g", "x' y='")), CLI_FAILED);
	SAYS("xkvm: ");
	CHECK(!exists("g"));
	teardown();
}

TEST(busy, "a running guest's name is refused, a dead one's taken over")
{
	struct command c;

	setup();
	CHECK_EQ(xkvm(create("", "g", "echo")), CLI_OK);
	CHECK_EQ(xkvm(create("", "g", "echo")), CLI_FAILED);
	CHECK(!strcmp(out, "xkvm: a guest called g is running already: use another name, or xkvm destroy g\n"));
	CHECK_EQ(xkvm(create("-c", "g", "echo")), CLI_FAILED);
	CHECK_EQ(xkvm("destroy g"), CLI_OK);

	/* Killed: the directory stays behind, until somebody looks. */
	c = begin(create("-c", "g", "echo"), -1);
	expect(c.out, "hello\n");
	CHECK_EQ(xkvm("domid g"), CLI_OK);
	{
		char path[128], pid[16] = "";
		FILE *f;

		snprintf(path, sizeof(path), "%s/g/pid", run);
		f = fopen(path, "r");
		CHECK(f && fgets(pid, sizeof(pid), f));
		fclose(f);
		CHECK_OK(kill(c.pid, SIGKILL));
		CHECK_OK(kill(atoi(pid), SIGKILL));
	}
	end(&c);
	usleep(100000);
	CHECK(exists("g"));
	CHECK_EQ(xkvm(create("", "g", "echo")), CLI_OK);
	CHECK_EQ(xkvm("destroy g"), CLI_OK);
	CHECK(!exists("g"));
	teardown();
}

TEST(foreign, "directories in the run directory that are no guest stay")
{
	char path[128];

	setup();
	CHECK_EQ(xkvm("list"), CLI_OK);
	snprintf(path, sizeof(path), "%s/mine", run);
	CHECK_OK(mkdir(path, 0700));
	snprintf(path, sizeof(path), "%s/mine/pid", run);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	CHECK_EQ(xkvm("list"), CLI_OK);
	CHECK(!strstr(out, "mine"));
	CHECK(exists("mine/pid"));
	CHECK_OK(chmod(run, 0777));
	CHECK_EQ(xkvm("list"), CLI_FAILED);
	SAYS("belongs to or can be written by others");
	CHECK_OK(chmod(run, 0700));
	teardown();
}

TEST(console_flag, "create -c shows all of the console and ends with the guest")
{
	struct command c;

	setup();
	CHECK_EQ(xkvm(create("-c", "g", "quick")), CLI_OK);
	SAYS("hello\nbye\n");
	CHECK(!exists("g"));
	CHECK_EQ(xkvm(create("-c", "g", "crash")), CLI_FAILED);
	SAYS("hello\nbye\n");
	SAYS("xkvm: g has crashed: see ");
	CHECK_EQ(xkvm(create("-c", "g", "segv")), CLI_FAILED);
	SAYS("xkvm: g: its process was killed by signal 11");
	CHECK(!exists("g"));

	/* Input through a pipe, whose end is not the guest's. */
	c = begin(create("-c", "g", "echo"), -1);
	expect(c.out, "hello\n");
	CHECK(write(c.in, "one\n", 4) == 4);
	expect(c.out, "one\n");
	close(c.in);
	c.in = -1;
	usleep(50000);
	CHECK_EQ(xkvm("reboot g"), CLI_OK);
	expect(c.out, "rebooted\n");
	CHECK_EQ(xkvm("shutdown g"), CLI_OK);
	CHECK_EQ(end(&c), CLI_OK);
	SAYS("off\nbye\n");

	c = begin(create("-c", "g", "echo"), -1);
	CHECK(write(c.in, "c", 1) == 1);
	CHECK_EQ(end(&c), CLI_FAILED);
	SAYS("xkvm: g has crashed: see ");
	teardown();
}

TEST(console_verb, "console shows the backlog, and both clients the rest")
{
	struct command a, b;

	setup();
	CHECK_EQ(xkvm(create("", "g", "echo")), CLI_OK);
	a = begin("console g", -1);
	expect(a.out, "hello\n");
	CHECK(write(a.in, "abd\n", 4) == 4);
	expect(a.out, "abd\n");
	b = begin("console 1", -1);
	expect(b.out, "hello\nabd\n");
	CHECK(write(b.in, "xyz\n", 4) == 4);
	expect(a.out, "xyz\n");
	expect(b.out, "xyz\n");
	CHECK_OK(kill(b.pid, SIGTERM));
	CHECK_EQ(end(&b), 128 + SIGTERM);
	CHECK(write(a.in, "q", 1) == 1);
	CHECK_EQ(end(&a), CLI_OK);
	SAYS("bye\n");
	teardown();
}

static int terminal(int *slave, struct termios *t)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	CHECK_OK(master);
	CHECK_OK(grantpt(master));
	CHECK_OK(unlockpt(master));
	*slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	CHECK_OK(*slave);
	CHECK_OK(tcgetattr(*slave, t));
	return master;
}

static bool is_raw(int tty)
{
	struct termios t;

	CHECK_OK(tcgetattr(tty, &t));
	return !(t.c_lflag & (ICANON | ECHO | ISIG));
}

static bool same_termios(int tty, const struct termios *was)
{
	struct termios t;

	CHECK_OK(tcgetattr(tty, &t));
	return t.c_iflag == was->c_iflag && t.c_oflag == was->c_oflag &&
	       t.c_cflag == was->c_cflag && t.c_lflag == was->c_lflag &&
	       !memcmp(t.c_cc, was->c_cc, sizeof(t.c_cc));
}

static int reap(struct command *c)
{
	int status;

	close(c->in);
	close(c->out);
	CHECK(waitpid(c->pid, &status, 0) == c->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	       128 + WTERMSIG(status);
}

TEST(terminal, "a terminal is raw while attached and as before on each way out")
{
	static const int signals[] = {
		SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGSEGV, SIGABRT,
	};
	struct termios was;
	struct command c;
	int master, tty;

	setup();
	master = terminal(&tty, &was);
	c = begin(create("-c", "g", "echo"), tty);
	expect(master, "hello");
	CHECK(is_raw(tty));
	CHECK(write(master, "a\x03", 2) == 2);	/* ^C is the guest's */
	expect(master, "a\x03");
	CHECK(write(master, "zz\x1d", 3) == 3);
	expect(master, "g runs on: see xkvm console g");
	CHECK_EQ(reap(&c), CLI_OK);
	CHECK(same_termios(tty, &was));

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		c = begin("console g", tty);
		expect(master, "zz");
		CHECK(is_raw(tty));
		CHECK_OK(kill(c.pid, signals[i]));
		CHECK_EQ(reap(&c), 128 + signals[i]);
		CHECK(same_termios(tty, &was));
	}
	c = begin("console g", tty);
	expect(master, "zz");
	CHECK(write(master, "q", 1) == 1);
	CHECK_EQ(reap(&c), CLI_OK);
	CHECK(same_termios(tty, &was));
	teardown();
}

TEST(paste, "64 KiB pasted into the terminal arrive whole at a slow guest")
{
	static char data[65536];
	uint32_t sum = 2166136261u;
	struct termios was;
	char text[48];
	struct command c;
	int master, tty;

	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] = i % 97 == 96 ? '\n' : (char)('!' + i * 7919 % 89);
		sum = (sum ^ (unsigned char)data[i]) * 16777619u;
	}
	snprintf(text, sizeof(text), "65536 bytes, sum %08x", sum);
	setup();
	master = terminal(&tty, &was);
	c = begin(create("-c", "g", "slow"), tty);
	expect(master, "hello");
	for (size_t done = 0; done < sizeof(data);) {
		ssize_t n = write(master, data + done, sizeof(data) - done);

		CHECK(n > 0);
		done += (size_t)n;
	}
	expect(master, text);
	CHECK_EQ(reap(&c), CLI_OK);
	teardown();
}

/* Typed before the command has made the terminal raw. */
TEST(typed_ahead, "what was typed before the console began is the guest's")
{
	struct termios was;
	struct command c;
	int master, tty;

	setup();
	master = terminal(&tty, &was);
	was.c_lflag &= ~ECHO;		/* "ahead" comes from the guest alone */
	CHECK_OK(tcsetattr(tty, TCSANOW, &was));
	CHECK(write(master, "ahead\n", 6) == 6);
	c = begin(create("-c", "g", "echo"), tty);
	expect(master, "ahead");	/* behind "hello", perhaps in one piece */
	CHECK(write(master, "q", 1) == 1);
	CHECK_EQ(reap(&c), CLI_OK);
	teardown();
}

TEST(interrupted, "a create that is interrupted leaves no guest behind")
{
	struct command c;

	setup();
	c = begin(create("", "g", "hang"), -1);
	for (int i = 0; i < 100 && !exists("g/pid"); i++)
		usleep(20000);
	CHECK(exists("g/pid"));
	CHECK_OK(kill(c.pid, SIGTERM));
	CHECK_EQ(end(&c), 128 + SIGTERM);
	usleep(100000);
	CHECK_EQ(xkvm("list"), CLI_OK);
	CHECK(!exists("g"));
	teardown();
}

TEST(race, "of many creates of one name exactly one wins")
{
	struct command c[8];
	unsigned int won = 0;
	const char *args;

	setup();
	args = create("", "g", "echo");
	for (int i = 0; i < 8; i++)
		c[i] = begin(args, -1);
	for (int i = 0; i < 8; i++) {
		int ret = end(&c[i]);

		won += ret == CLI_OK;
		if (ret)
			SAYS("is running already");
	}
	CHECK_EQ(won, 1);
	CHECK_EQ(xkvm("destroy g"), CLI_OK);
	teardown();
}

TEST(dry_run, "create -n prints what was understood and starts nothing")
{
	setup();
	CHECK_EQ(xkvm(create("-n", "g", "a b=c")), CLI_OK);
	SAYS("\"cmdline\": \"a b=c\"");
	SAYS("\"on_reboot\": \"restart\"");
	CHECK(!exists("g"));
	teardown();
}

TEST(warnings, "warnings come with the program's name, and not with -q")
{
	char args[300];

	setup();
	snprintf(args, sizeof(args), "%s bogus=1 memory=32",
		 create("-n", "g", "x"));
	CHECK_EQ(xkvm(args), CLI_OK);
	SAYS("xkvm: command line:1: bogus: warning: unknown key, ignored\n");
	SAYS("\"memory\": 32");
	snprintf(args, sizeof(args), "%s bogus=1", create("-q -n", "g", "x"));
	CHECK_EQ(xkvm(args), CLI_OK);
	CHECK(!strstr(out, "bogus"));
	teardown();
}

static void check_log(const char *name)
{
	char path[128], line[64] = "", want[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/.log/%s", run, name);
	snprintf(want, sizeof(want), "log of %s\n", name);
	f = fopen(path, "r");
	CHECK(f && fgets(line, sizeof(line), f));
	CHECK_MSG(!strcmp(line, want), "%s", line);
	fclose(f);
}

TEST(log, "what the guest's process says is in its log, with -c too")
{
	setup();
	CHECK_EQ(xkvm(create("", "g", "echo")), CLI_OK);
	CHECK_EQ(xkvm("destroy g"), CLI_OK);
	check_log("g");
	CHECK_EQ(xkvm(create("-c", "h", "crash")), CLI_FAILED);
	CHECK(!strstr(out, "log of h"));
	SAYS("xkvm: h has crashed: see ");
	check_log("h");
	teardown();
}

TEST(long_dir, "a run directory too long for sockets is refused with a remedy")
{
	char longer[200];

	setup();
	snprintf(longer, sizeof(longer), "%s/%0100d", base, 0);
	CHECK_OK(setenv("XKVM_RUN_DIR", longer, 1));
	CHECK_EQ(xkvm("list"), CLI_FAILED);
	SAYS("too long: set XKVM_RUN_DIR to a shorter path");
	snprintf(longer, sizeof(longer), "%s/%060d", base, 0);
	CHECK_OK(setenv("XKVM_RUN_DIR", longer, 1));
	CHECK_EQ(xkvm(create("", "a-rather-long-name", "echo")), CLI_FAILED);
	SAYS("too long for this guest's name");
	teardown();
}
