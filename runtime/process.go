package runtime

import (
	"capmoe/collective"
	"capmoe/layers/capacity"
)

// Process is one rank of a job.
type Process struct {
	Comm    collective.Communicator
	Hosts   []string // [P] the host of every rank
	Threads int      // compute threads of this rank
	Turns   int      // ranks that take turns on a core, on the fullest host; 0, as 1: none do
}

// Crowded tells whether a host has more ranks than cores.
func (p Process) Crowded() bool { return p.Turns > 1 }

// MostThreads is the most compute threads that a rank may have.
const MostThreads = 1 << 12

// Layout places a model's experts on the ranks.
func (p Process) Layout(experts int) (capacity.Layout, error) {
	l := capacity.Contiguous(experts, p.Comm.Size())
	return capacity.NewLayout(l.ExpertRank, nodesOf(p.Hosts))
}
