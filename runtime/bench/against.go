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
)

// plainSource is the C program that Against compares with.
//
//go:embed plain/collective.c
var plainSource []byte

// Comparison is an operation through this program and through MPI alone.
type Comparison struct {
	Op    string  `json:"op"`
	Bytes int     `json:"bytes"`
	Ours  Sample  `json:"capmoe"`
	Plain Sample  `json:"plain_c"`
	Ratio float64 `json:"ratio"` // of the medians
}

// Against runs `mpirun -n ranks` of program, whose arguments make it measure the cases and
// print a CollectiveReport, and of a plain C program, compiled for this with mpicc, by turns.
func Against(ctx context.Context, program []string, ranks, turns, repeats int, cases []CollectiveCase) ([]Comparison, error) {
	dir, err := os.MkdirTemp("", "capmoe-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench: collective: %w", err)
	}
	defer os.RemoveAll(dir)
	plain, err := compilePlain(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, k := range cases {
		plain = append(plain, fmt.Sprintf("%s:%d:%d", k.Op, k.Bytes, k.calls()))
	}
	plain[1] = strconv.Itoa(repeats)
	ours, theirs := make([][]CollectiveResult, len(cases)), make([][]CollectiveResult, len(cases))
	for range turns {
		for _, side := range []struct {
			command []string
			turns   [][]CollectiveResult
		}{{plain, theirs}, {program, ours}} {
			report, err := underMPI(ctx, side.command, ranks, len(cases))
			if err != nil {
				return nil, err
			}
			for i, r := range report.Results {
				side.turns[i] = append(side.turns[i], r)
			}
		}
	}
	out := make([]Comparison, len(cases))
	for i, k := range cases {
		us, them := medianTurn(ours[i]), medianTurn(theirs[i])
		out[i] = Comparison{k.Op, k.Bytes, us.Sample, them.Sample, us.Median.Seconds() / them.Median.Seconds()}
	}
	return out, nil
}

// compilePlain leaves room for the number of repeats behind the program's name.
func compilePlain(ctx context.Context, dir string) (command []string, err error) {
	source, binary := filepath.Join(dir, "collective.c"), filepath.Join(dir, "collective")
	if err := os.WriteFile(source, plainSource, 0o600); err != nil {
		return nil, fmt.Errorf("bench: collective: %w", err)
	}
	if out, err := exec.CommandContext(ctx, "mpicc", "-O2", source, "-o", binary).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("bench: collective: mpicc: %w: %s", err, firstLine(out))
	}
	return []string{binary, ""}, nil
}

// underMPI runs a command on so many ranks of this machine, each with a core where there
// are enough, and reads what it prints.
func underMPI(ctx context.Context, command []string, ranks, results int) (*CollectiveReport, error) {
	args := []string{"-n", strconv.Itoa(ranks), "--bind-to", "core"}
	if ranks > goruntime.NumCPU() {
		args = []string{"-n", strconv.Itoa(ranks), "--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1"}
	}
	cmd := exec.CommandContext(ctx, "mpirun", append(args, command...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // mpirun ends its ranks
	var out, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &faults
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("bench: collective: mpirun %s: %w: %s", filepath.Base(command[0]), err, firstLine(faults.Bytes()))
	}
	var report CollectiveReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return nil, fmt.Errorf("bench: collective: output of %s: %w", filepath.Base(command[0]), err)
	}
	if report.Ranks != ranks || len(report.Results) != results {
		return nil, fmt.Errorf("bench: collective: %s measured %d cases on %d ranks, want %d on %d", filepath.Base(command[0]), len(report.Results), report.Ranks, results, ranks)
	}
	return &report, nil
}

// firstLine is the first line with words, of which mpirun's frames have none.
func firstLine(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if strings.Trim(line, "-= \t\r\n") != "" {
			return strings.TrimSpace(line)
		}
	}
	return "no word of why"
}
