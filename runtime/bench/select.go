package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// Two ways for ranks to find the C-th best key of each overloaded expert, the bar,
// without gathering tokens. The planner uses the first; the second is here to be
// measured against it.

// SelectResult compares them at one size.
type SelectResult struct {
	Tokens     int    `json:"tokens"`
	Overloaded int    `json:"overloaded_experts"`
	Owner      Sample `json:"owner"`
	OwnerBytes int    `json:"owner_bytes"` // sent by rank 0
	Histogram  Sample `json:"histogram"`
	HistoBytes int    `json:"histogram_bytes"`
}

// Select measures both on made keys: every overloaded expert is offered twice its
// capacity of 8 choices among 64 experts. They must find the same bars.
func Select(c collective.Communicator, tokens, overloaded, repeats int) (SelectResult, error) {
	room := max(1, tokens*8/64)
	keys := madeKeys(c, overloaded, max(1, 2*room/c.Size()))
	r := SelectResult{Tokens: tokens, Overloaded: overloaded}
	var owner, histogram []capacity.Key
	var err error
	r.Owner, err = measure(c, repeats, func() (err error) {
		owner, r.OwnerBytes, err = ownerSelects(c, keys, room)
		return err
	})
	if err != nil {
		return r, err
	}
	r.Histogram, err = measure(c, repeats, func() (err error) {
		histogram, r.HistoBytes, err = histogramsSelect(c, keys, room)
		return err
	})
	if err == nil && !slices.Equal(owner, histogram) {
		err = fmt.Errorf("bench: select: owners find bars %x, histograms %x", owner, histogram)
	}
	return r, err
}

// madeKeys are this rank's keys for each expert: a positive score's bits above a
// token id that no other rank has.
func madeKeys(c collective.Communicator, experts, n int) [][]capacity.Key {
	r := rand.New(rand.NewPCG(uint64(c.Rank()), uint64(n)))
	keys := make([][]capacity.Key, experts)
	for e := range keys {
		for i := range n {
			keys[e] = append(keys[e], capacity.Key(r.Uint64()>>2&^(1<<24-1)|uint64(i*c.Size()+c.Rank())))
		}
	}
	return keys
}

// ownerSelects sends the keys of expert e to rank e·P/E, which selects and answers
// with the bar.
func ownerSelects(c collective.Communicator, keys [][]capacity.Key, room int) (bars []capacity.Key, bytes int, err error) {
	ranks, self := c.Size(), c.Rank()
	var send []capacity.Key
	counts := make([]int32, len(keys))
	countTo, keysTo, barsFrom := make([]int, ranks), make([]int, ranks), make([]int, ranks)
	for e, own := range keys {
		owner := e * ranks / len(keys)
		counts[e] = int32(len(own))
		countTo[owner]++
		barsFrom[owner]++
		keysTo[owner] += len(own)
		send = append(send, own...)
		if owner != self {
			bytes += 4 + 8*len(own)
		}
	}
	owned := countTo[self]
	countFrom, keysFrom := slices.Repeat([]int{owned}, ranks), make([]int, ranks)
	offered := make([]int32, owned*ranks)
	if err := collective.AllToAllV(c, offered, countFrom, counts, countTo); err != nil {
		return nil, 0, err
	}
	total := 0
	for r := range ranks {
		for _, n := range offered[r*owned : (r+1)*owned] {
			keysFrom[r] += int(n)
		}
		total += keysFrom[r]
	}
	recv := make([]capacity.Key, total)
	if err := collective.AllToAllV(c, recv, keysFrom, send, keysTo); err != nil {
		return nil, 0, err
	}
	of := make([][]capacity.Key, owned)
	for i, n := range offered {
		of[i%owned] = append(of[i%owned], recv[:n]...)
		recv = recv[n:]
	}
	found := make([]capacity.Key, owned)
	for i, all := range of {
		k := min(room, len(all))
		capacity.SelectBest(all, k)
		found[i] = all[k-1]
	}
	bars = make([]capacity.Key, len(keys))
	return bars, bytes + 8*owned*(ranks-1), collective.AllGatherV(c, bars, barsFrom, found)
}

// digitBits is how many bits of the keys one histogram decides.
const digitBits = 10

// histogramsSelect refines the bars by all-reduced histograms of the keys' digits,
// from the highest down.
func histogramsSelect(c collective.Communicator, keys [][]capacity.Key, room int) (bars []capacity.Key, bytes int, err error) {
	const bins = 1 << digitBits
	bars = make([]capacity.Key, len(keys))
	need := slices.Repeat([]int{room}, len(keys))
	left := slices.Clone(keys) // keys whose digits so far are the bar's
	counts := make([]int32, len(keys)*bins)
	for shift := 64 - digitBits; ; shift -= digitBits {
		shift = max(shift, 0)
		clear(counts)
		for e, own := range left {
			for _, k := range own {
				counts[e*bins+int(k>>shift)&(bins-1)]++
			}
		}
		bytes += 4 * len(counts)
		if err := collective.AllReduce(c, collective.Sum, counts); err != nil {
			return nil, 0, err
		}
		for e, own := range left {
			digit := bins - 1
			for ; digit > 0 && int(counts[e*bins+digit]) < need[e]; digit-- {
				need[e] -= int(counts[e*bins+digit])
			}
			bars[e] |= capacity.Key(digit) << shift
			var same []capacity.Key
			for _, k := range own {
				if int(k>>shift)&(bins-1) == digit {
					same = append(same, k)
				}
			}
			left[e] = same
		}
		if shift == 0 {
			return bars, bytes, nil
		}
	}
}
