//go:build cgo && !noonednn

#include "amx.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

// A process asks Linux once for the registers of the matrix unit.
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

static int ask(void) {
	unsigned a, b, c, d;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & 1u << 22) || !(d & 1u << 24))
		return -1;
	if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512bw"))
		return -1;
	return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 ? 1 : -1;
}

int kernel_amx_usable(void) {
	static int answer; // 1 or -1 once it is known
	int known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
	if (!known) {
		known = ask();
		__atomic_store_n(&answer, known, __ATOMIC_RELAXED);
	}
	return known > 0;
}

AMX void kernel_amx_configure(void) {
	static const struct {
		uint8_t palette, start_row, reserved[14];
		uint16_t bytes[16];
		uint8_t rows[16];
	} config = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
	__asm__ volatile("ldtilecfg %0" : : "m"(config));
}

AMX void kernel_amx_release(void) { _tile_release(); }
#else
int kernel_amx_usable(void) { return 0; }

void kernel_amx_configure(void) {}

void kernel_amx_release(void) {}
#endif
