// What follows this in a file fuses no product with a sum: its bits are those of vector_portable.go.
#ifndef CAPMOE_KERNEL_UNFUSED_H
#define CAPMOE_KERNEL_UNFUSED_H

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif

#endif
