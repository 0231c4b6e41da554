package commtest

import (
	"fmt"
	"slices"

	"capmoe/collective"
)

// mark is the value in a column of the block from src to dst: 24 bits, which all
// element types but the smallest hold exactly.
func mark[T collective.Elem](src, dst, col int) T {
	const golden = 0x9E3779B97F4A7C15
	h := (uint64(src)<<42 ^ uint64(dst)<<21 ^ uint64(col+1)) * golden
	return T(h >> 40)
}

// everyone is the destination in marks of what goes to all ranks.
const everyone = 1 << 20

// block is the block from src to dst.
func block[T collective.Elem](src, dst, n int) []T {
	row := make([]T, n)
	for col := range row {
		row[col] = mark[T](src, dst, col)
	}
	return row
}

// guardLen elements of value guard lie past the end of every receive buffer.
const (
	guardLen = 9
	guard    = 0xA5
)

// guarded is a buffer for n elements, followed by the guard.
func guarded[T collective.Elem](n int) []T {
	return slices.Repeat([]T{guard}, n+guardLen)
}

// compare compares what has come with what was sent, and looks at the guard.
func compare[T collective.Elem](got, want []T) error {
	for i, w := range want {
		if got[i] != w {
			return fmt.Errorf("element %d of %d is %v, want %v", i, len(want), got[i], w)
		}
	}
	for i, v := range got[len(want):] {
		if v != guard {
			return fmt.Errorf("element %d past the %d received has become %v", i, len(want), v)
		}
	}
	return nil
}

// unchanged compares a buffer that was only to be read with its copy.
func unchanged[T collective.Elem](buf, before []T) error {
	if !slices.Equal(buf, before) {
		return fmt.Errorf("the send buffer of %d elements has changed", len(buf))
	}
	return nil
}
