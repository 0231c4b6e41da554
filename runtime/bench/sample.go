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
}

// measure runs body, once to warm up and then repeats times, each time from a barrier,
// and takes the slowest rank's time. All ranks call it together.
func measure(c collective.Communicator, repeats int, body func() error) (Sample, error) {
	times := make([]int64, repeats)
	if err := body(); err != nil {
		return Sample{}, err
	}
	for i := range times {
		if err := c.Barrier(); err != nil {
			return Sample{}, err
		}
		start := time.Now()
		if err := body(); err != nil {
			return Sample{}, err
		}
		times[i] = int64(time.Since(start))
	}
	if err := collective.AllReduce(c, collective.Max, times); err != nil {
		return Sample{}, err
	}
	sample, _ := sampleOf(times)
	return sample, nil
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
		Median: time.Duration(times[median]), Count: len(times),
		Min: time.Duration(times[order[0]]), Max: time.Duration(times[order[len(order)-1]]),
	}, median
}
