package commtest

import (
	"errors"
	"fmt"
	"slices"

	"capmoe/collective"
)

var splitRules = []rule{
	{"split: by parity", splits(func(_, rank int) (int, int) { return rank % 2, 0 })},
	{"split: one color is everyone", splits(func(_, _ int) (int, int) { return 5, 0 })},
	{"split: every rank alone", splits(func(_, rank int) (int, int) { return rank, 0 })},
	{"split: reversed keys reverse the ranks", splits(func(_, rank int) (int, int) { return 0, -rank })},
	{"split: colors beyond int32", splits(func(_, rank int) (int, int) { return 1<<40 + rank%2<<32, 1<<40 - rank })},
	{"split: a negative color joins nothing", splits(func(_, rank int) (int, int) { return rank%2 - 1, 0 })},
	{"split: nobody joins", splits(func(_, _ int) (int, int) { return -7, 0 })},
	{"split: groups of groups", nested},
}

// splits splits as choose says, and uses the groups.
func splits(choose func(size, rank int) (color, key int)) func(c collective.Communicator) error {
	return func(c collective.Communicator) error {
		size, me := c.Size(), c.Rank()
		color, key := choose(size, me)
		group, err := c.Split(color, key)
		if err != nil {
			return err
		}
		if color < 0 {
			if group != nil {
				return fmt.Errorf("color %d gives a group of %d ranks", color, group.Size())
			}
			return nil
		}
		var members []int
		for rank := range size {
			if other, _ := choose(size, rank); other == color {
				members = append(members, rank)
			}
		}
		slices.SortStableFunc(members, func(a, b int) int {
			_, ka := choose(size, a)
			_, kb := choose(size, b)
			return ka - kb
		})
		return useAndFree(group, me, members)
	}
}

// useAndFree checks a group whose ranks should be the parent's ranks members.
func useAndFree(group collective.Communicator, me int, members []int) error {
	if group == nil {
		return fmt.Errorf("no group of the ranks %v", members)
	}
	if group.Size() != len(members) || group.Rank() != slices.Index(members, me) {
		return fmt.Errorf("rank %d of %d in the group of the ranks %v", group.Rank(), group.Size(), members)
	}
	if err := collective.Agree(group, hasMembers(group, me, members)); err != nil {
		return err
	}
	if err := exchangeAll(group, func(_, src, dst int) int { return 1 + src + 3*dst }); err != nil {
		return err
	}
	if err := group.Barrier(); err != nil {
		return err
	}
	if err := group.Free(); err != nil {
		return err
	}
	for _, err := range []error{group.Barrier(), group.Free()} {
		if !errors.Is(err, collective.ErrFreed) {
			return fmt.Errorf("after Free: %v, want %v", err, collective.ErrFreed)
		}
	}
	return nil
}

func hasMembers(group collective.Communicator, me int, members []int) error {
	got := make([]int64, group.Size())
	if err := collective.AllGather(group, got, []int64{int64(me)}); err != nil {
		return err
	}
	for i, m := range members {
		if got[i] != int64(m) {
			return fmt.Errorf("ranks %v are in the group, want %v", got, members)
		}
	}
	return nil
}

// nested uses a group, a part of it, and the whole in turn.
func nested(c collective.Communicator) error {
	me := c.Rank()
	half, err := c.Split(me*2/c.Size(), 0)
	if err != nil {
		return err
	}
	part, err := half.Split(half.Rank()%2, -me)
	if err != nil {
		return err
	}
	for _, group := range []collective.Communicator{part, c, half, part} {
		sum := []int64{int64(group.Rank())}
		if err := collective.AllReduce(group, collective.Sum, sum); err != nil {
			return err
		}
		if want := int64(group.Size()) * int64(group.Size()-1) / 2; sum[0] != want {
			return fmt.Errorf("the ranks of a group of %d sum to %d, want %d", group.Size(), sum[0], want)
		}
	}
	return errors.Join(half.Free(), part.Free())
}
