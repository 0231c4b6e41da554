package bench

import (
	"cmp"
	"slices"
	"time"

	"capmoe/collective"
)

// Sample is the times of one benchmark over its repeats, each that of the slowest rank.
type Sample struct {
	Median time.Duration `json:"median_ns"`
	Min    time.Duration `json:"min_ns"`
	Max    time.Duration `json:"max_ns"`
	Count  int           `json:"repeats"`
	times  []int64       // of each repeat
}

// medianOf is the median of what is made of each turn of two sides: where the machine is slower in some turns than in others, the medians of both over
// all turns may be of different ones.
func medianOf[T any](a, b []T, of func(a, b T) float64) float64 {
	all := make([]float64, len(a))
	for i := range all {
		all[i] = of(a[i], b[i])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// measure runs body, once to warm up and then repeats times, each time from a barrier,
// and takes the slowest rank's time. All ranks call it together.
func measure(c collective.Communicator, repeats int, body func() error) (Sample, error) {
	samples, err := measureByTurns(c, repeats, body)
	if err != nil {
		return Sample{}, err
	}
	return samples[0], nil
}

// measureByTurns is measure of several bodies, one after the other in every repeat: what slows the machine for a while slows all of them.
func measureByTurns(c collective.Communicator, repeats int, bodies ...func() error) ([]Sample, error) {
	for _, body := range bodies {
		if err := body(); err != nil {
			return nil, err
		}
	}
	times := make([]int64, len(bodies)*repeats) // of the first body, then of the next
	for i := range repeats {
		for b, body := range bodies {
			if err := c.Barrier(); err != nil {
				return nil, err
			}
			start := time.Now()
			if err := body(); err != nil {
				return nil, err
			}
			times[b*repeats+i] = int64(time.Since(start))
		}
	}
	if err := collective.AllReduce(c, collective.Max, times); err != nil {
		return nil, err
	}
	samples := make([]Sample, len(bodies))
	for b := range samples {
		samples[b], _ = sampleOf(times[b*repeats:][:repeats])
	}
	return samples, nil
}

// sampleOf sums times up, and says which of them is the median.
func sampleOf(times []int64) (s Sample, median int) {
	order := make([]int, len(times))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(times[a], times[b]) })
	median = order[len(order)/2]
	return Sample{
		Median: time.Duration(times[median]), Count: len(times), times: times,
		Min: time.Duration(times[order[0]]), Max: time.Duration(times[order[len(order)-1]]),
	}, median
}
