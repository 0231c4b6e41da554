package bench

import (
	"fmt"

	"capmoe/collective"
	"capmoe/runtime"
)

// shareOf is a rank's share of what the ranks that take turns on a core do, or take, together.
func shareOf(all, turns int) int { return all / max(1, turns) }

// fits fails on all ranks where a host has less memory available than its ranks are about to take, each so many bytes:
// the system would end one of them, or other programs. All ranks call it, before any of them takes memory.
func fits(p runtime.Process, what string, bytes int) error {
	host, ranks, available := p.Hosts[p.Comm.Rank()], 0, runtime.AvailableMemory()
	for _, h := range p.Hosts {
		if h == host {
			ranks++
		}
	}
	var err error
	if need := int64(ranks) * int64(bytes); available > 0 && need > available {
		gib := func(n int64) float64 { return float64(n) / (1 << 30) }
		err = fmt.Errorf("bench: %s take %.1f GiB a rank, and of the %d ranks of this host %.1f GiB, of which %.1f are available", what, gib(int64(bytes)), ranks, gib(need), gib(available))
	}
	return collective.Agree(p.Comm, err)
}
