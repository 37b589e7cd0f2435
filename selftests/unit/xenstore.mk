# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of the xenstore; paths are relative to the repository.
xenstore_lib-srcs := $(addprefix vmm/xenstore/, conn.c local.c node.c ops.c \
	path.c perms.c ring.c sock.c store.c tree.c txn.c walk.c watch.c \
	wire.c wire_misc.c wire_tree.c) selftests/lib/tap.c
xenstore_lib-cflags := -D_GNU_SOURCE -Ivmm/xenstore -Iselftests/lib

UNIT_TESTS += xenstore_test
xenstore_test-srcs := $(xenstore_lib-srcs) $(addprefix selftests/unit/, \
	xenstore_client.c xenstore_test.c xenstore_perms.c xenstore_txn.c \
	xenstore_watch.c xenstore_quota.c xenstore_ring.c xenstore_nomem.c \
	xenstore_fuzz.c)
xenstore_test-cflags := $(xenstore_lib-cflags)
# Allocations of the store and the tests go by way of xenstore_nomem.c.
xenstore_test-libs := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	-Wl,--wrap=strdup

UNIT_TESTS += xenstore_sock_test
xenstore_sock_test-srcs := $(xenstore_lib-srcs) \
	selftests/unit/xenstore_sock_test.c
xenstore_sock_test-cflags := $(xenstore_lib-cflags)

# Counts basic blocks.
UNIT_TESTS += xenstore_cost_test
xenstore_cost_test-srcs := $(xenstore_lib-srcs) xenstore_client.c \
	xenstore_nomem.c xenstore_cost_test.c
xenstore_cost_test-cflags := $(xenstore_lib-cflags) -Wno-unused-parameter \
	-fno-sanitize=all -O2 -fsanitize-coverage=trace-pc
xenstore_cost_test-libs := -fno-sanitize=all $(xenstore_test-libs)
