package layers

import (
	"math/bits"
	"slices"
	"time"

	"capmoe/collective"
)

// overlap decides in how many chunks of experts rows travel between nodes. It hides the time that they are under way behind
// the experts' work, and costs a message more a rank and chunk: which of both is more depends on the network, the
// model and the tokens of a step, so that it is measured. The first steps with about so many tokens run in one chunk,
// in two, in four and so on by turns; all ranks agree on the fastest. Results have the same bits either way.
type overlap struct {
	comm    collective.Communicator
	far     bool                      // rows travel between nodes
	lanes   []collective.Communicator // of all ranks: a chunk is under way in each
	degrees []int                     // to choose from, rising
	classes [mostClasses]overlapClass // of steps, by the bits of their number of tokens
	class   *overlapClass             // of this step
	start   time.Time
}

// overlapClass is what is known of steps with about the same number of tokens.
type overlapClass struct {
	tokens int     // the largest number of a step
	times  []int64 // [rounds, degrees] ns of a layer, of the slowest rank once decided
	trials int     // layers measured
	degree int     // chosen; 0: not yet
	median []int64 // [degrees] ns
}

const (
	mostClasses   = bits.UintSize
	mostChunks    = 8
	overlapRounds = 8    // layers measured of each degree; the first warms up
	overlapGain   = 0.02 // at least, of the time in one chunk, to prefer several
)

// newOverlap makes it for a number of chunks, or for 0 to find it out. Where no rank is far, nothing is to be decided. All
// ranks call it.
func newOverlap(c collective.Communicator, chunks int, where []Placement, far bool) (*overlap, error) {
	o := &overlap{comm: c, far: far, lanes: []collective.Communicator{c}, degrees: []int{1}}
	if !far {
		return o, nil
	}
	most := 1 // as many as the fullest rank has experts
	for _, p := range where {
		for _, held := range p.Held {
			most = max(most, len(held))
		}
	}
	if chunks > 0 {
		o.degrees[0] = min(chunks, most)
	}
	for n := 2; chunks == 0 && n <= min(most, mostChunks); n *= 2 {
		o.degrees = append(o.degrees, n)
	}
	for len(o.lanes) < slices.Max(o.degrees) {
		lane, err := c.Split(0, c.Rank())
		if err != nil {
			return nil, err
		}
		o.lanes = append(o.lanes, lane)
	}
	return o, nil
}

// cut is the first of so many experts in a chunk, and the first of the next.
func cut(chunk, chunks, experts int) (first, next int) {
	return chunk * experts / chunks, (chunk + 1) * experts / chunks
}

// begin says in how many chunks the rows of a step travel in the next layer. All ranks get the same.
func (o *overlap) begin(tokens int) int {
	if o.class = nil; !o.far {
		return 1
	}
	k := &o.classes[bits.Len(uint(tokens))]
	k.tokens = max(k.tokens, tokens)
	if len(o.degrees) == 1 {
		k.degree = o.degrees[0]
	}
	if k.degree > 0 {
		return k.degree
	}
	o.class, o.start = k, time.Now()
	return o.degrees[o.turn(k)]
}

// turn is whose turn it is among the degrees: in every round another one begins, so that each meets all layers.
func (o *overlap) turn(k *overlapClass) int {
	n := len(o.degrees)
	return (k.trials + k.trials/n) % n
}

// end takes the time of the layer, and decides when there are enough.
func (o *overlap) end() error {
	k, n := o.class, len(o.degrees)
	if k == nil {
		return nil
	}
	if k.times == nil {
		k.times = make([]int64, n*overlapRounds)
	}
	k.times[k.trials/n*n+o.turn(k)] = int64(time.Since(o.start))
	if k.trials++; k.trials < len(k.times) {
		return nil
	}
	if err := collective.AllReduce(o.comm, collective.Max, k.times); err != nil {
		return err
	}
	k.decide(o.degrees)
	return nil
}

// OverlapChoice is in how many chunks rows travel between nodes in steps of about one size.
type OverlapChoice struct {
	Tokens int         `json:"step_tokens"`            // of the largest of them
	Degree int         `json:"a2a_ffn_overlap_degree"` // chunks; 0: not decided
	Times  []ChunkTime `json:"measured,omitempty"`     // that it was decided by
}

// ChunkTime is what a layer takes from dispatch to combine: the slowest rank, the median of several layers.
type ChunkTime struct {
	Chunks  int     `json:"chunks"`
	Seconds float64 `json:"seconds"`
}

// choices says what has been decided, for steps of rising size.
func (o *overlap) choices() (all []OverlapChoice) {
	for i := range o.classes {
		k := &o.classes[i]
		if k.trials == 0 && k.degree == 0 {
			continue
		}
		c := OverlapChoice{Tokens: k.tokens, Degree: k.degree}
		for j, ns := range k.median {
			c.Times = append(c.Times, ChunkTime{o.degrees[j], time.Duration(ns).Seconds()})
		}
		all = append(all, c)
	}
	return all
}

// decide takes the degree with the least median.
func (k *overlapClass) decide(degrees []int) {
	n := len(degrees)
	for i := range degrees {
		var times []int64
		for at := n + i; at < len(k.times); at += n {
			times = append(times, k.times[at])
		}
		slices.Sort(times)
		k.median = append(k.median, times[len(times)/2])
	}
	best := slices.Index(k.median, slices.Min(k.median))
	if float64(k.median[best]) > (1-overlapGain)*float64(k.median[0]) {
		best = 0
	}
	k.degree = degrees[best]
}
