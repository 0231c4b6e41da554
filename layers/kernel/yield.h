// How long a thread has computed.
#ifndef CAPMOE_KERNEL_YIELD_H
#define CAPMOE_KERNEL_YIELD_H

#include <stdint.h>

// kernel_yield_due tells whether so many nanoseconds have passed since it last told the calling thread so.
int kernel_yield_due(int64_t after);

#endif
