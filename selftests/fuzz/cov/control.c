// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control socket's requests: every line is answered once, by one line.
 */
#include "cov.h"
#include "../../../vmm/control_priv.h"

static unsigned int replies, attached;

void control_client_send(struct control_client *c, const char *buf, size_t len)
{
	CHECK(len && buf[len - 1] == '\n');
	CHECK(memchr(buf, '\n', len) == buf + len - 1);
	replies++;
}

void control_client_attach(struct control_client *c)
{
	attached++;
}

static int asked(void *arg, enum control_stop reason)
{
	return reason == CONTROL_STOP_REBOOT ? -ENOTCONN : 0;
}

static void destroyed(void *arg)
{
}

static void status(void *arg, struct control_status *st)
{
	*st = (struct control_status){ .name = "\xff\"\\", .domid = 7 };
}

static const struct control_ops ops = {
	.shutdown = asked, .destroy = destroyed, .status = status,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct control ctl = { .ops = &ops };
	static struct control_client c = { .ctl = &ctl };

	if (len >= CONTROL_MAX_LINE || memchr(data, '\n', len))
		return -1;
	replies = 0;
	attached = 0;
	control_request(&c, (const char *)data, len);
	CHECK_EQ(replies, 1);
	CHECK(attached <= 1);
	return 0;
}
