// A function marked WIDE is compiled once for each width of vectors; the machine that runs it chooses. One marked UP_TO_8 has no use for more than 8
// lanes. What they call is INLINE, so that it is compiled with them.
#ifndef CAPMOE_KERNEL_CLONES_H
#define CAPMOE_KERNEL_CLONES_H

#if defined(__x86_64__) && defined(__gnu_linux__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#define UP_TO_8 __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#define UP_TO_8
#endif

#define INLINE static inline __attribute__((always_inline))

#endif
