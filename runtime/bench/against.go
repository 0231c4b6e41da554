package bench

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// plainSource is the C program that Contest compares with.
//
//go:embed plain/collective.c
var plainSource []byte

// Contest runs this program and a plain C program by turns, each under mpirun.
type Contest struct {
	Program []string // this one's command line, which makes it measure and print JSON
	Env     []string // of mpirun; nil: this process's
	Ranks   int
	Turns   int // runs of each
	Repeats int // of a run
}

// Comparison is an operation through this program and through MPI alone.
type Comparison struct {
	Op    string  `json:"op"`
	Bytes int     `json:"bytes"`
	Ours  Sample  `json:"capmoe"`
	Plain Sample  `json:"plain_c"`
	Ratio float64 `json:"ratio"` // see medianRatio
}

// Collectives compares the cases, which the program prints a CollectiveReport of.
func (c Contest) Collectives(ctx context.Context, cases []CollectiveCase) ([]Comparison, error) {
	var specs []string
	for _, k := range cases {
		specs = append(specs, fmt.Sprintf("%s:%d:%d", k.Op, k.Bytes, k.calls(c.Ranks)))
	}
	ours, theirs := make([][]CollectiveResult, len(cases)), make([][]CollectiveResult, len(cases))
	err := c.byTurns(ctx, func(plain string) error {
		var us CollectiveReport
		them, err := c.plain(ctx, plain, specs)
		if err == nil {
			err = c.run(ctx, c.Program, &us)
		}
		if err != nil {
			return err
		}
		if len(us.Results) != len(cases) {
			return fmt.Errorf("%d cases measured, want %d", len(us.Results), len(cases))
		}
		for i := range cases {
			ours[i], theirs[i] = append(ours[i], us.Results[i]), append(theirs[i], them[i])
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("bench: collective: %w", err)
	}
	out := make([]Comparison, len(cases))
	for i, k := range cases {
		out[i] = Comparison{k.Op, k.Bytes, medianTurn(ours[i]).Sample, medianTurn(theirs[i]).Sample, medianRatio(ours[i], theirs[i])}
	}
	return out, nil
}

// DispatchComparison is a round trip of rows against two MPI_Alltoallv of the same bytes.
type DispatchComparison struct {
	DispatchReport
	Plain Sample  `json:"plain_c"`
	Ratio float64 `json:"ratio"` // see medianRatio
}

// Dispatches compares a round trip, which the program prints a DispatchReport of.
func (c Contest) Dispatches(ctx context.Context) (*DispatchComparison, error) {
	var ours []DispatchReport
	var trips, theirs []CollectiveResult
	err := c.byTurns(ctx, func(plain string) error {
		var us DispatchReport
		if err := c.run(ctx, c.Program, &us); err != nil {
			return err
		}
		if want := c.Ranks * c.Ranks; len(us.Bytes) != want || len(us.BytesBack) != want {
			return fmt.Errorf("bytes of %d and %d pairs of ranks, want %d", len(us.Bytes), len(us.BytesBack), want)
		}
		pairs := func(bytes []int64) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(bytes), " ", ","), "[]") }
		them, err := c.plain(ctx, plain, []string{"roundtrip:" + pairs(us.Bytes) + ":" + pairs(us.BytesBack) + ":1"})
		if err != nil {
			return err
		}
		ours, theirs = append(ours, us), append(theirs, them[0])
		trips = append(trips, CollectiveResult{Sample: us.Trip})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("bench: dispatch: %w", err)
	}
	us, them := medianTurn(trips), medianTurn(theirs)
	for _, r := range ours {
		if r.Trip.Median == us.Median {
			r.Trip = us.Sample
			return &DispatchComparison{r, them.Sample, medianRatio(trips, theirs)}, nil
		}
	}
	return nil, fmt.Errorf("bench: dispatch: no run of %d has the median", len(ours))
}

// byTurns compiles the plain program for the time of all turns.
func (c Contest) byTurns(ctx context.Context, turn func(plain string) error) error {
	dir, err := os.MkdirTemp("", "capmoe-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	source, plain := filepath.Join(dir, "collective.c"), filepath.Join(dir, "collective")
	if err := os.WriteFile(source, plainSource, 0o600); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "mpicc", "-O2", source, "-o", plain).CombinedOutput(); err != nil {
		return fmt.Errorf("mpicc: %w%s", err, firstLine(out))
	}
	for range c.Turns {
		if err := turn(plain); err != nil {
			return err
		}
	}
	return nil
}

// plain runs the C program on some cases.
func (c Contest) plain(ctx context.Context, binary string, specs []string) ([]CollectiveResult, error) {
	var r CollectiveReport
	if err := c.run(ctx, append([]string{binary, strconv.Itoa(c.Repeats)}, specs...), &r); err != nil {
		return nil, err
	}
	if r.Ranks != c.Ranks || len(r.Results) != len(specs) {
		return nil, fmt.Errorf("the C program measured %d cases on %d ranks, want %d on %d", len(r.Results), r.Ranks, len(specs), c.Ranks)
	}
	return r.Results, nil
}

// patience is how long an mpirun that was asked to end may take to end its ranks.
const patience = 10 * time.Second

// run runs a command on ranks of this machine, each with a core where there are enough, and
// reads the JSON that it prints. When the context ends, or this process is killed, mpirun is asked to end its ranks.
func (c Contest) run(ctx context.Context, command []string, report any) error {
	args := []string{"-n", strconv.Itoa(c.Ranks), "--bind-to", "core"}
	if c.Ranks > goruntime.NumCPU() {
		args = []string{"-n", strconv.Itoa(c.Ranks), "--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1"}
	}
	// The system takes the death of the thread that starts a process for its parent's.
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, "mpirun", append(args, command...)...)
	cmd.Env = c.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // mpirun ends its ranks
	cmd.WaitDelay = patience
	var out, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &faults
	name := filepath.Base(command[0])
	if err := cmd.Run(); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		return fmt.Errorf("mpirun %s: %w%s", name, err, firstLine(faults.Bytes()))
	}
	if err := json.Unmarshal(out.Bytes(), report); err != nil {
		return fmt.Errorf("output of %s: %w", name, err)
	}
	return nil
}

// firstLine is the first line with words, of which mpirun's frames have none, behind a colon.
func firstLine(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if strings.Trim(line, "-= \t\r\n") != "" {
			return ": " + strings.TrimSpace(line)
		}
	}
	return ""
}
