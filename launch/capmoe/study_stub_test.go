package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capmoe/launch"
)

// stubbed is a job of capmoe for which mpirun and srun are a few lines of sh: they log
// their arguments, and say a report, or fail on policy reroute.
func stubbed(t *testing.T, args ...string) (j job, log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	script := "#!/bin/sh\n" + `echo "$(basename $0) $*" >> "$STUB_LOG"
sleep ${STUB_SLEEP:-0}
case "$*" in
*"--policy reroute"*) echo "capmoe: no luck" >&2; exit 1 ;;
esac
ranks=$2 tokens=${*#*--max-tokens }
case "$1" in --ntasks=*) ranks=${1#*=} ;; esac
case "$*" in *--max-tokens*) tokens=${tokens%% *} ;; *) tokens=0 ;; esac
echo "{\"kernels\": \"none\", \"ranks\": $ranks, \"tokens\": $tokens}"
`
	for _, name := range []string{launch.MPIRun, launch.SRun} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	args = append([]string{"study", "run", "--models", shippedModel}, args...)
	if !slices.Contains(args, "--workloads") {
		args = append(args, "--workloads", "text:"+shippedText)
	}
	j = capmoe(alone, args...)
	j.env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "STUB_LOG=" + log}
	return j, log
}

// started are the lines that the stubs have logged.
func started(t *testing.T, log string) []string {
	t.Helper()
	text, err := os.ReadFile(log)
	if os.IsNotExist(err) {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// The command of every kind of cell.
func TestStudyCommands(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	writeFile(t, hosts, []byte("node01 slots=2\nnode02 slots=2\n"))
	trace := t.TempDir()
	program := filepath.Join(programs, "capmoe")
	for _, c := range []struct {
		rule string
		args []string
		want string // PROGRAM, MODEL, TEXT, TRACE and HOSTS stand for theirs
	}{
		{"a text runs through eval", []string{"--ranks", "1", "--systems", "drop", "--gamma", "1.25"}, "mpirun -n 1 --bind-to none -x OMP_NUM_THREADS=1 PROGRAM eval --model MODEL --text TEXT --window 256 --batch 8 --max-tokens 8192 --dtype f32 --policy drop --moe-expert-capacity-factor 1.25 --capacity-scope global --moe-token-dispatcher-type alltoall --seed 0 --json -"},
		{"weak scaling has more windows", []string{"--ranks", "3", "--systems", "drop", "--gamma", "1.25", "--scaling", "weak", "--hostfile", hosts},
			"mpirun -n 3 --hostfile HOSTS --bind-to none -x OMP_NUM_THREADS=1 PROGRAM eval --model MODEL --text TEXT --window 256 --batch 24 --max-tokens 24576 --dtype f32 --policy drop --moe-expert-capacity-factor 1.25 --capacity-scope global --moe-token-dispatcher-type alltoall --seed 0 --json -"},
		{"a baseline fixes all but γ", []string{"--ranks", "1", "--systems", "megatron-pad", "--gamma", "2"}, "mpirun -n 1 --bind-to none -x OMP_NUM_THREADS=1 PROGRAM eval --model MODEL --text TEXT --window 256 --batch 8 --max-tokens 8192 --dtype f32 --baseline megatron-pad --moe-expert-capacity-factor 2 --seed 0 --json -"},
		{"a placement is EPLB's", []string{"--ranks", "1", "--systems", "dropless", "--placements", "eplb"}, "mpirun -n 1 --bind-to none -x OMP_NUM_THREADS=1 PROGRAM eval --model MODEL --text TEXT --window 256 --batch 8 --max-tokens 8192 --dtype f32 --enable-eplb --seed 0 --json -"},
		{"a trace is planned", []string{"--ranks", "1", "--systems", "dropless", "--workloads", "trace:" + trace}, "mpirun -n 1 --bind-to none -x OMP_NUM_THREADS=1 PROGRAM trace replay --trace TRACE --step-tokens 2048 --steps 4 --policy dropless --moe-token-dispatcher-type alltoall --seed 0 --json -"},
		{"a trace has sets", []string{"--ranks", "1", "--systems", "dropless", "--workloads", "trace:" + trace + "#code", "--topk", "8"}, "mpirun -n 1 --bind-to none -x OMP_NUM_THREADS=1 PROGRAM trace replay --trace TRACE --set code --step-tokens 2048 --steps 4 --topk 8 --policy dropless --moe-token-dispatcher-type alltoall --seed 0 --json -"},
		{"synthetic routing runs through a shape", []string{"--ranks", "1", "--systems", "dropless", "--workloads", "synthetic:zipf:1", "--shapes", "olmoe", "--dtypes", "bf16", "--layers", "2", "--seed", "7"},
			"mpirun -n 1 --bind-to none -x OMP_NUM_THREADS=1 PROGRAM trace replay --synthetic zipf:1 --layers 2 --step-tokens 2048 --steps 4 --shape olmoe --dtype bf16 --policy dropless --moe-token-dispatcher-type alltoall --seed 7 --json -"},
		{"or is planned alone", []string{"--ranks", "1", "--systems", "dropless", "--workloads", "synthetic:uniform", "--experts", "64", "--topk", "8"},
			"mpirun -n 1 --bind-to none -x OMP_NUM_THREADS=1 PROGRAM trace replay --synthetic uniform --step-tokens 2048 --steps 4 --experts 64 --topk 8 --policy dropless --moe-token-dispatcher-type alltoall --seed 0 --json -"},
		{"srun starts ranks on the hosts", []string{"--ranks", "4", "--systems", "eplb", "--launcher", "srun", "--hostfile", hosts, "--bind-to", "cores", "--threads", "2"},
			"srun --ntasks=4 --mpi=pmix --kill-on-bad-exit=1 --nodes=2 --nodelist=node01,node02 --cpu-bind=cores --cpus-per-task=2 --export=ALL,OMP_NUM_THREADS=2 PROGRAM eval --model MODEL --text TEXT --window 256 --batch 8 --max-tokens 8192 --dtype f32 --baseline eplb --seed 0 --json -"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			j, log := stubbed(t, append(c.args, "--out", t.TempDir())...)
			j.output(t)
			lines := started(t, log)
			got := strings.NewReplacer(program, "PROGRAM", shippedModel, "MODEL", shippedText, "TEXT", trace, "TRACE", hosts, "HOSTS").Replace(lines[0])
			if len(lines) != 1 || got != c.want {
				t.Errorf("%d runs, the first\n%s\nwant\n%s", len(lines), got, c.want)
			}
		})
	}
}

// Cells that fail have their reason in their row and do not stop the study; they are
// run again when asked for, and only they.
func TestStudyFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"--out", dir, "--ranks", "1,2", "--systems", "dropless,reroute,drop", "--gamma", "1"}
	j, log := stubbed(t, args...)
	checkFailed := func(j job, runs int) {
		t.Helper()
		res := j.run(t)
		if res.code != launch.ExitFailed || len(started(t, log)) != runs {
			t.Errorf("exit code %d after %d runs, want 1 after %d\n%s", res.code, len(started(t, log)), runs, res.stderr)
		}
		checkContains(t, res.stderr, "2 of 6 runs failed, the first is strong-p1-reroute-g1-")
		checkContains(t, res.stderr, "capmoe: no luck; --retry-failed")
	}
	checkFailed(j, 6)
	checkFailed(j, 6)
	j.args = append(j.args, "--retry-failed")
	checkFailed(j, 8)
	for _, row := range rowsOf(t, dir) {
		failed := row.Cell.Policy == "reroute"
		if (row.Failure != "") != failed || failed && row.Failure != "launch: mpirun of "+map[int]string{1: "1", 2: "2"}[row.Cell.Ranks]+" ranks: mpirun ended with exit code 1: capmoe: no luck" {
			t.Errorf("%s: failure %q", row.Cell.ID, row.Failure)
		}
	}
}

// A dry run lists cells and commands, and leaves nothing.
func TestStudyDryRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, log := stubbed(t, "--dry-run", "--out", filepath.Join(dir, "out"), "--ranks", "1,2", "--systems", "dropless,drop", "--repeats", "2")
	out := j.output(t)
	checkContains(t, out, "6 cells, 12 runs")
	if n := strings.Count(out, "mpirun -n "); n != 6 || started(t, log) != nil {
		t.Errorf("%d commands, want 6; %d runs", n, len(started(t, log)))
	}
	checkClean(t, dir)
}

// A study file and flags: the flags decide, wherever the file stands among them.
func TestStudyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.yaml")
	writeFile(t, file, []byte("ranks: [1, 2]\nsystems: [dropless]\nrepeats: 2\n"))
	for _, at := range []int{2, 4} { // study run FILE --models M FILE …
		j, log := stubbed(t, "--repeats", "1", "--out", t.TempDir())
		j.args = append(j.args[:at:at], append([]string{file}, j.args[at:]...)...)
		j.output(t)
		if n := len(started(t, log)); n != 2 {
			t.Errorf("file as argument %d: %d runs, want 2", at, n)
		}
	}
	j, _ := stubbed(t, "--dry-run", file)
	checkContains(t, j.output(t), "2 cells, 4 runs")
}
