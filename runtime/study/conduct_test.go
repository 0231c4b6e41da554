package study

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// run conducts a study whose runs fail where failing says so, and returns what was run.
func run(t *testing.T, ctx context.Context, f *Folder, retry bool, failing func(Run) bool) (done []Run, seen []Progress, err error) {
	t.Helper()
	execute := func(_ context.Context, r Run) (Row, error) {
		done = append(done, r)
		if failing(r) {
			return Row{Failure: "no luck"}, nil
		}
		return Row{Result: []byte(`{}`)}, nil
	}
	err = f.Conduct(ctx, small().Runs(), retry, execute, func(p Progress) { seen = append(seen, p) })
	return done, seen, err
}

func never(Run) bool { return false }

// Failures are kept and counted, do not stop the study, and are run again only when
// asked for; what is done is not done again.
func TestConduct(t *testing.T) {
	dir := t.TempDir()
	runs := small().Runs()
	second := func(r Run) bool { return r.Repeat == 1 && r.Cell.ID == runs[2].Cell.ID }
	for _, c := range []struct {
		rule        string
		retry       bool
		failing     func(Run) bool
		ran, failed int
	}{
		{"all runs are run", false, second, len(runs), 1},
		{"nothing is run twice", false, never, 0, 1},
		{"failures are run again when asked for", true, second, 1, 1},
		{"until they succeed", true, never, 1, 0},
		{"then nothing is left", true, never, 0, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := open(t, dir, small())
			done, seen, err := run(t, context.Background(), f, c.retry, c.failing)
			if err != nil || len(done) != c.ran || len(f.Failures(runs)) != c.failed {
				t.Fatalf("%d runs, %d failures, %v, want %d, %d", len(done), len(f.Failures(runs)), err, c.ran, c.failed)
			}
			if c.ran > 0 {
				if last := seen[len(seen)-1]; last.Done != len(runs) || last.Of != len(runs) || last.Failed != c.failed || last.Row == nil {
					t.Errorf("progress ends at %+v", last)
				}
			}
		})
	}
	text, err := os.ReadFile(filepath.Join(dir, RowsFile))
	if n := strings.Count(string(text), "\n"); err != nil || n != len(runs)+2 {
		t.Errorf("%d rows, %v, want %d: rows are added, never changed", n, err, len(runs)+2)
	}
}

// The end of the context ends the study between two runs; the run that it ended has no
// row.
func TestConductInterrupted(t *testing.T) {
	f := open(t, t.TempDir(), small())
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err := f.Conduct(ctx, small().Runs(), false, func(context.Context, Run) (Row, error) {
		if n++; n == 3 {
			cancel()
			return Row{}, ctx.Err()
		}
		return Row{}, nil
	}, func(Progress) {})
	if left := f.Left(small().Runs(), false); !errors.Is(err, context.Canceled) || len(left) != len(small().Runs())-2 {
		t.Errorf("%v, %d runs left", err, len(left))
	}
}

// A row that cannot be kept ends the study.
func TestConductFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full: a full disk is left out")
	}
	dir := t.TempDir()
	if err := os.Symlink("/dev/full", filepath.Join(dir, RowsFile)); err != nil {
		t.Fatal(err)
	}
	done, _, err := run(t, context.Background(), open(t, dir, small()), false, never)
	if len(done) != 1 || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), RowsFile) {
		t.Errorf("%d runs, %v", len(done), err)
	}
}
