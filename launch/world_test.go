package launch

import (
	"os"
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

// Open MPI is told to leave the cores to others, unless the user has said something.
func TestYieldWhenIdle(t *testing.T) {
	const setting = "OMPI_MCA_mpi_yield_when_idle"
	t.Setenv(setting, "0")
	yieldWhenIdle()
	if said := os.Getenv(setting); said != "0" {
		t.Errorf("the user says 0, %s is %q", setting, said)
	}
	os.Unsetenv(setting)
	yieldWhenIdle()
	if said := os.Getenv(setting); said != "1" {
		t.Errorf("nobody says anything, %s is %q", setting, said)
	}
}
