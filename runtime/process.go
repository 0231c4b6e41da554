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
	Crowded bool     // more ranks than cores on this host
}

// MostThreads is the most compute threads that a rank may have.
const MostThreads = 1 << 12

// Layout places a model's experts on the ranks.
func (p Process) Layout(experts int) (capacity.Layout, error) {
	l := capacity.Contiguous(experts, p.Comm.Size())
	return capacity.NewLayout(l.ExpertRank, nodesOf(p.Hosts))
}
