//go:build cgo && !nompi

package collective_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capmoe/collective"
)

// These variables tell this test binary, started by mpirun as one rank of a world,
// which of mpiCases to run there, and a folder that the ranks share.
const (
	caseVariable   = "COLLECTIVE_TEST_CASE"
	folderVariable = "COLLECTIVE_TEST_FOLDER"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(caseVariable); name != "" {
		os.Exit(runCase(mpiCases[name]))
	}
	os.Exit(m.Run())
}

// mpiCase is a program for every rank of an MPI world. A rank fails when body does.
type mpiCase struct {
	opts collective.Options
	body func(w *collective.World) error
	// breaks says that body breaks groups, so that the world cannot be closed.
	breaks bool
}

func runCase(c mpiCase) int {
	var w *collective.World
	c.opts.Stuck = func(err *collective.StuckError) {
		fmt.Println(err)
		meet(w, "end", w.Comm().Size())
	}
	w, err := collective.Start(c.opts)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	err = c.body(w)
	if err == nil && !c.breaks {
		err = w.Close()
	}
	if err != nil {
		fmt.Printf("rank %d: %v\n", w.Comm().Rank(), err)
		return 1
	}
	fmt.Println("passed")
	if c.breaks {
		meet(w, "end", w.Comm().Size()) // mpirun ends all ranks when one is gone without MPI_Finalize
	}
	return 0
}

// meet waits without MPI until so many ranks have come to a place.
func meet(w *collective.World, place string, ranks int) {
	folder := os.Getenv(folderVariable)
	os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s.%d", place, w.Comm().Rank())), nil, 0o600)
	for {
		here, _ := filepath.Glob(filepath.Join(folder, place+".*"))
		if len(here) == ranks {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// mpirun runs a case on so many ranks, and gives what they print.
func mpirun(t *testing.T, ranks int, name string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("mpirun")
	if err != nil {
		t.Skip("no mpirun on PATH: the MPI world is not tested")
	}
	if _, ok := mpiCases[name]; !ok {
		t.Fatalf("no case %q", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-n", fmt.Sprint(ranks), "--oversubscribe", "--bind-to", "none",
		"--mca", "mpi_yield_when_idle", "1", "--mca", "btl_vader_single_copy_mechanism", "none",
		"-x", caseVariable, "-x", folderVariable, os.Args[0])
	cmd.Env = append(os.Environ(), caseVariable+"="+name, folderVariable+"="+t.TempDir(),
		"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // mpirun ends its ranks
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

func TestMPIWorld(t *testing.T) {
	for _, test := range []struct {
		rule  string
		ranks []int
	}{
		{"conformance", []int{1, 2, 3, 4}},
		{"conformance in small messages", []int{1, 2, 3, 4}},
		{"conformance without shared memory", []int{1, 2, 3, 4}},
		{"unequal counts without shared memory", []int{3}},
		{"hosts of all ranks", []int{1, 3}},
		{"a second start fails", []int{1}},
		{"unequal counts are told to the receiver", []int{3}},
		{"a late rank is waited for", []int{2}},
		{"two groups at once", []int{2, 4}},
		{"windows are shared on a node", []int{1, 3}},
		{"no allocation in steady state", []int{1, 2}},
		{"backoff leaves the core to others", []int{2}},
	} {
		for _, ranks := range test.ranks {
			t.Run(fmt.Sprintf("%s, %d ranks", test.rule, ranks), func(t *testing.T) {
				out, err := mpirun(t, ranks, test.rule)
				if err != nil || strings.Count(out, "passed") != ranks {
					t.Fatalf("%v\n%s", err, out)
				}
			})
		}
	}
}

// A world with a broken group ends without MPI_Finalize, which mpirun calls a
// failure.
func TestMPIDeadline(t *testing.T) {
	for _, test := range []struct {
		rule  string
		ranks int
	}{
		{"the error names the rank that is missing", 4},
		{"the error names where a rank waits instead", 3},
		{"rank 0 knows who waits in other groups", 4},
		{"rank 0 knows whom a waiter waits for", 4},
		{"rank 0 knows whom one beside it waits for", 4},
		{"rank 0 knows whom another group waits for", 4},
		{"rank 0 knows who misses another's barrier", 4},
		{"the error tells unequal counts from absence", 3},
		{"the error tells a circle of ranks", 3},
		{"the error names where a broadcast stops", 4},
		{"the error knows of waits that are over", 3},
		{"the error knows of reductions that are over", 3},
		{"the error knows of gathers that are over", 3},
		{"the error names who is not at a window", 4},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			if out, _ := mpirun(t, test.ranks, test.rule); strings.Count(out, "passed") != test.ranks {
				t.Fatal(out)
			}
		})
	}
}

// Rank 2 does not call what MPI waits for in an operation of its own, though it has come to the operation.
func TestMPIStuck(t *testing.T) {
	for _, op := range []string{"comm_split", "win_allocate_shared", "finalize"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			out, err := mpirun(t, 3, "stuck in "+op)
			want := "collective: " + op + ": MPI has not come back from it after 10s: it waits for a rank that goes on no more"
			if err == nil || strings.Count(out, want) != 2 {
				t.Fatalf("mpirun gives %v and\n%s\nwant from both other ranks %q", err, out, want)
			}
		})
	}
}

func TestMPIAbortEndsAllRanks(t *testing.T) {
	out, err := mpirun(t, 3, "abort")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != abortCode {
		t.Fatalf("mpirun gives %v, want exit status %d\n%s", err, abortCode, out)
	}
}
