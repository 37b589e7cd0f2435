# SPDX-License-Identifier: GPL-2.0-only
# Unit test of the instruction emulator; paths are relative to the repository.
UNIT_TESTS += emulate_test
emulate_test-srcs := $(addprefix selftests/unit/, emulate_test.c \
	emulate_machine.c emulate_cases.c emulate_cases_legacy.c \
	emulate_cases_64.c emulate_cases_system.c emulate_left_out.c emulate_tasks.c \
	emulate_decodes.c emulate_fuzz.c emulate_native.c \
	emulate_random.c emulate_gate.c emulate_templates.c) \
	$(addprefix kvm/x86/, emulate.c emulate_alu.c emulate_decode.c \
	emulate_exec.c emulate_mem.c emulate_rmw.c emulate_sse.c \
	emulate_stack.c emulate_string.c emulate_table.c emulate_shift.c \
	emulate_muldiv.c emulate_bits.c emulate_branch.c emulate_desc.c \
	emulate_system.c emulate_mmx.c emulate_task.c)
emulate_test-cflags := -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers
