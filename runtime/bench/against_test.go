package bench

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"capmoe/collective"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

func TestCollectivesAreVerified(t *testing.T) {
	for _, ranks := range []int{1, 2, 3} {
		err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
			var cases []CollectiveCase
			for _, op := range CollectiveOps {
				k, err := NewCollectiveCase(op, 1<<18)
				if err != nil {
					return err
				}
				cases = append(cases, k)
			}
			r, err := Collective(c, cases, 1)
			if err == nil && (len(r.Results) != 3 || r.Results[0].Median <= 0) {
				t.Errorf("P=%d: %+v", ranks, r)
			}
			return err
		})
		if err != nil {
			t.Errorf("P=%d: %v", ranks, err)
		}
	}
}

// spoiled loses a byte of what comes.
type spoiled struct{ collective.Communicator }

func (s spoiled) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	err := s.Communicator.AllToAllV(recv, recvCounts, send, sendCounts)
	recv[5]++
	return err
}

func TestWrongBytesAreFound(t *testing.T) {
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		_, err := Collective(spoiled{c}, []CollectiveCase{{"alltoallv", 64}}, 1)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "1 bytes received are wrong") {
		t.Errorf("gives %v, want that a byte is wrong", err)
	}
}

func TestCollectiveCaseRefuses(t *testing.T) {
	for rule, k := range map[string]CollectiveCase{
		"an operation that is none": {"gather", 64},
		"part of a number":          {"allreduce", 12},
		"nothing":                   {"alltoallv", 0},
		"more than 64 MB":           {"alltoallv", 1<<26 + 8},
	} {
		if _, err := NewCollectiveCase(k.Op, k.Bytes); err == nil {
			t.Errorf("%s: no error", rule)
		}
	}
}

func TestRates(t *testing.T) {
	for op, want := range map[string][2]float64{"alltoallv": {4e9, 3e9}, "allgatherv": {4e9, 3e9}, "allreduce": {1e9, 1.5e9}} {
		algorithm, bus := CollectiveResult{Op: op, Bytes: 1000, Sample: Sample{Median: time.Microsecond}}.Rates(4)
		if algorithm != want[0] || bus != want[1] {
			t.Errorf("%s on 4 ranks: %v and %v bytes a second, want %v", op, algorithm, bus, want)
		}
	}
}

func TestDispatchComesBack(t *testing.T) {
	shape := Shape{Name: "small", Hidden: 64, Inner: 32, Experts: 8, TopK: 2}
	for ranks, dtype := range map[int]kernel.DType{1: kernel.F32, 2: kernel.BF16, 3: kernel.F32, 4: kernel.BF16} {
		err := collective.Run(ranks, collective.Options{}, func(c collective.Communicator) error {
			p := runtime.Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, ranks), Threads: 1}
			r, err := Dispatch(p, DispatchCase{Shape: shape, DType: dtype, Tokens: 50}, 3)
			if err != nil {
				return err
			}
			var there, back int
			for i, n := range r.Bytes {
				there += int(n)
				back += int(r.BytesBack[i])
			}
			if values := 50 * 2 * 64; there != values*dtype.Bytes() || back != values*4 || r.Trip.Count != 3 {
				t.Errorf("P=%d, %v: %d bytes, %d back, and %d repeats, want %d values and 3", ranks, dtype, there, back, r.Trip.Count, values)
			}
			return nil
		})
		if err != nil {
			t.Errorf("P=%d: %v", ranks, err)
		}
	}
}

// The C program takes the place of both sides: what it prints is a CollectiveReport.
func TestPlainProgramAgainstItself(t *testing.T) {
	for _, tool := range []string{"mpicc", "mpirun"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s on PATH: the C program is not tested", tool)
		}
	}
	c := Contest{Env: append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"), Ranks: 2, Turns: 1, Repeats: 2}
	err := c.byTurns(context.Background(), func(plain string) error {
		specs := []string{"alltoallv:64:3", "allgatherv:1000:2", "allreduce:4096:2", "roundtrip:8000,0,5,900:16000,10,0,1800:2"}
		results, err := c.plain(context.Background(), plain, specs)
		for i, r := range results {
			if op, _, _ := strings.Cut(specs[i], ":"); r.Op != op || r.Median <= 0 || r.Count != 2 {
				t.Errorf("%s measured as %+v", specs[i], r)
			}
		}
		for _, bad := range []string{"alltoallv:64", "roundtrip:1,2,3:1,2,3,4:1", "roundtrip:1,2,3,4:1,2,3,-4:1", "roundtrip:1,2,3,4:1", "nothing"} {
			if _, err := c.plain(context.Background(), plain, []string{bad}); err == nil {
				t.Errorf("%s is measured", bad)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
