// A function marked WIDE is compiled once for each width of vectors; the machine that runs it chooses. What it calls is INLINE, so that it is
// compiled with it.
#ifndef CAPMOE_KERNEL_CLONES_H
#define CAPMOE_KERNEL_CLONES_H

#if defined(__x86_64__) && defined(__gnu_linux__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

#define INLINE static inline __attribute__((always_inline))

#endif
