package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"capmoe/collective"
)

// CollectiveOps are the operations that Collective measures, by their MPI names.
var CollectiveOps = []string{"alltoallv", "allgatherv", "allreduce"}

// CollectiveCase is one operation at one size.
type CollectiveCase struct {
	Op    string
	Bytes int // from every rank to every other; the vector of allreduce
}

// CollectiveResult is the time of one call.
type CollectiveResult struct {
	Op    string `json:"op"`
	Bytes int    `json:"bytes"`
	Sample
}

// CollectiveReport is what one program measured.
type CollectiveReport struct {
	Ranks   int                `json:"ranks"`
	Results []CollectiveResult `json:"results"`
}

// NewCollectiveCase checks a case.
func NewCollectiveCase(op string, bytes int) (CollectiveCase, error) {
	if !slices.Contains(CollectiveOps, op) {
		return CollectiveCase{}, fmt.Errorf("bench: collective: unknown operation %q, want %s", op, strings.Join(CollectiveOps, ", "))
	}
	if bytes < 8 || bytes > 1<<26 || bytes%8 != 0 {
		return CollectiveCase{}, fmt.Errorf("bench: collective: %d bytes, want a multiple of 8 from 8 to %d", bytes, 1<<26)
	}
	return CollectiveCase{op, bytes}, nil
}

// calls is how many calls a timed repeat has: about as much time for every size and number of ranks.
func (k CollectiveCase) calls(ranks int) int {
	return min(max(64<<20/(ranks*(k.Bytes+8<<10)), 4), 4000)
}

// Rates are the algorithm and the bus bandwidth, bytes a second, as nccl-tests defines them: the bytes of a
// rank's result over the time, and what a rank must send at least over the time.
func (r CollectiveResult) Rates(ranks int) (algorithm, bus float64) {
	bytes, p := float64(r.Bytes), float64(ranks)
	share := (p - 1) / p
	if r.Op == "allreduce" {
		share *= 2
	} else {
		bytes *= p
	}
	algorithm = bytes / r.Median.Seconds()
	return algorithm, algorithm * share
}

// Collective measures the cases on the ranks of c, which call it together: repeats runs of
// many calls each. Results are verified before and after.
func Collective(c collective.Communicator, cases []CollectiveCase, repeats int) (CollectiveReport, error) {
	report := CollectiveReport{Ranks: c.Size()}
	for _, k := range cases {
		s, err := newCollectiveRun(c, k).measure(repeats)
		if err != nil {
			return report, err
		}
		report.Results = append(report.Results, CollectiveResult{k.Op, k.Bytes, s})
	}
	return report, nil
}

// collectiveRun holds one case's buffers.
type collectiveRun struct {
	CollectiveCase
	comm   collective.Communicator
	counts []int
	send   []byte // [P, Bytes]; of allreduce [Bytes]
	recv   []byte
	vector []int64
}

func newCollectiveRun(c collective.Communicator, k CollectiveCase) *collectiveRun {
	r := &collectiveRun{CollectiveCase: k, comm: c, counts: slices.Repeat([]int{k.Bytes}, c.Size())}
	if k.Op == "allreduce" {
		for i := range k.Bytes / 8 {
			r.vector = append(r.vector, int64(c.Rank()+i))
		}
		return r
	}
	r.send, r.recv = make([]byte, k.Bytes*c.Size()), make([]byte, k.Bytes*c.Size())
	for dst := range c.Size() {
		for i := range k.Bytes {
			r.send[dst*k.Bytes+i] = r.mark(c.Rank(), dst, i)
		}
	}
	return r
}

// mark is byte i of what src sends to dst.
func (k CollectiveCase) mark(src, dst, i int) byte {
	if k.Op == "allgatherv" {
		dst = 0
	}
	return byte(7*src + 13*dst + i + i/251)
}

func (r *collectiveRun) call() error {
	switch r.Op {
	case "alltoallv":
		return r.comm.AllToAllV(r.recv, r.counts, r.send, r.counts)
	case "allgatherv":
		return r.comm.AllGatherV(r.recv, r.counts, r.send[:r.Bytes])
	default:
		return collective.AllReduce(r.comm, collective.Max, r.vector)
	}
}

// measure takes the median over repeats of the slowest rank's time of a call.
func (r *collectiveRun) measure(repeats int) (Sample, error) {
	calls := r.calls(r.comm.Size())
	s, err := measure(r.comm, repeats, func() error {
		for range calls {
			if err := r.call(); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = collective.Agree(r.comm, r.verify())
	}
	for _, d := range []*time.Duration{&s.Median, &s.Min, &s.Max} {
		*d = (*d + time.Duration(calls/2)) / time.Duration(calls)
	}
	return s, err
}

func (r *collectiveRun) verify() error {
	wrong := 0
	for i, v := range r.vector {
		if v != int64(r.comm.Size()-1+i) {
			wrong += 8
		}
	}
	for i, v := range r.recv {
		if v != r.mark(i/r.Bytes, r.comm.Rank(), i%r.Bytes) {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("bench: collective: %s of %d bytes: %d bytes received are wrong", r.Op, r.Bytes, wrong)
	}
	return nil
}

// medianTurn is the turn whose median is in the middle, with the extremes of all turns.
func medianTurn(turns []CollectiveResult) CollectiveResult {
	order := slices.SortedFunc(slices.Values(turns), func(a, b CollectiveResult) int { return cmp.Compare(a.Median, b.Median) })
	r := order[len(order)/2]
	for _, t := range turns {
		r.Min, r.Max = min(r.Min, t.Min), max(r.Max, t.Max)
	}
	return r
}

// medianRatio is the median over the turns of the ratio of both medians of a turn: the cores of a machine may be farther from each other in some turns
// than in others, as those of a virtual one are.
func medianRatio(ours, theirs []CollectiveResult) float64 {
	return medianOf(ours, theirs, func(us, them CollectiveResult) float64 { return us.Median.Seconds() / them.Median.Seconds() })
}
