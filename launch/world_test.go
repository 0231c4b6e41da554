package launch

import (
	goruntime "runtime"
	"testing"
)

func TestSpareProcessor(t *testing.T) {
	defer goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(0))
	for _, c := range []struct{ processors, threads, want int }{{1, 1, 2}, {2, 2, 3}, {1, 4, 5}, {8, 2, 8}, {3, 2, 3}} {
		goruntime.GOMAXPROCS(c.processors)
		spareProcessor(c.threads)
		if got := goruntime.GOMAXPROCS(0); got != c.want {
			t.Errorf("%d processors, %d threads: %d processors, want %d", c.processors, c.threads, got, c.want)
		}
	}
}
