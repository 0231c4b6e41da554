package collective

import (
	"slices"
	"testing"
)

func TestCulprits(t *testing.T) {
	const a, b = 1, 2 // groups
	silent := said{}
	in := func(group, seq uint64, awaits int) said { return said{group, seq, true, awaits} }
	for rule, test := range map[string]struct {
		all  []said // rank 0 waits for rank 1
		want []int
	}{
		"one that is silent":                        {[]said{in(a, 3, 1), silent, silent}, []int{1}},
		"one that has taken its notice back":        {[]said{in(a, 3, 1), {a, 2, false, 2}, silent}, []int{1}},
		"one that a waiter waits for":               {[]said{in(a, 3, 1), in(a, 2, 2), silent}, []int{2}},
		"one at the end of many groups":             {[]said{in(a, 3, 1), in(b, 9, 3), silent, in(a, 1, 2), silent}, []int{2}},
		"none in a circle":                          {[]said{in(a, 3, 1), in(b, 2, 2), in(b, 2, 1)}, nil},
		"none in a circle of all":                   {[]said{in(a, 3, 1), in(b, 2, 2), in(b, 2, 0)}, nil},
		"one whose wait is over, as the next is on": {[]said{in(a, 3, 1), in(a, 2, 2), in(a, 1, 0)}, []int{2}},
		"the silent of a group":                     {[]said{in(a, 3, 1), in(b, 2, -1), silent, in(a, 2, 2), silent}, []int{2}},
		"none of a group that is not known":         {[]said{in(a, 3, 1), in(7, 2, -1), silent}, nil},
	} {
		members := func(group uint64) []int {
			if group != b {
				return nil
			}
			return []int{0, 1, 2, 3}
		}
		if got := culprits([]int{1}, test.all, members); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", rule, got, test.want)
		}
	}
}
