package launch

import (
	"strings"
	"testing"
)

// dashes are the lines between which mpirun speaks.
var dashes = strings.Repeat("-", 74) + "\n"

// aborted is what mpirun says first, whatever has happened.
var aborted = dashes + "Primary job  terminated normally, but 1 process returned\na non-zero exit code. Per user-direction, the job has been aborted.\n" + dashes

// Who failed, where and why, out of what launchers really say.
func TestWatch(t *testing.T) {
	for _, c := range []struct{ rule, stderr, want string }{
		{"mpirun names the rank of a signal", aborted + dashes + "mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).\n" + dashes,
			"rank 1 on vm was ended by signal 9 (Killed)"},
		{"mpirun names the rank of an exit code", "capmoe: --json /dev/full: write: no space left on device\n" + aborted + dashes +
			"mpirun detected that one or more processes exited with non-zero status, thus causing\nthe job to be terminated. The first process to do so was:\n\n  Process name: [[15349,1],2]\n  Exit code:    1\n" + dashes,
			"rank 2 ended with exit code 7: capmoe: --json /dev/full: write: no space left on device"},
		{"mpirun names the rank of an abort", "capmoe: rank 3 (node02): collective: broken\n" + dashes + "MPI_ABORT was invoked on rank 3 in communicator MPI_COMM_WORLD\nwith errorcode 1.\n" + dashes,
			"rank 3 ended with exit code 7: capmoe: rank 3 (node02): collective: broken"},
		{"mpirun names none", "boo\n" + aborted, "mpirun ended with exit code 7: boo"},
		{"mpirun says why ranks did not start", dashes + "mpirun was unable to launch the specified application as it could not access\nor execute an executable:\n\nExecutable: /no/such\nNode: vm\n\nwhile attempting to start process rank 0.\n" + dashes,
			"mpirun ended with exit code 7: mpirun was unable to launch the specified application as it could not access or execute an executable: Executable: /no/such Node: vm"},
		{"an error goes before other lines", "window 8 of 64\n[vm:1] 2 more processes\ncapmoe: no\ncapmoe: later\n" + aborted, "mpirun ended with exit code 7: capmoe: no"},
		{"a panic is an error", "started\npanic: index out of range\n\ngoroutine 1 [running]:\n", "mpirun ended with exit code 7: panic: index out of range"},
		{"a note is no error", "capmoe: note: eval: x has no effect\n" + "capmoe: no\n" + aborted, "mpirun ended with exit code 7: capmoe: no"},
		{"nor what a rank said last", "capmoe: note: eval: x has no effect\nwords\n" + aborted, "mpirun ended with exit code 7: words"},
		{"srun names task, node and exit code", "capmoe: no\nsrun: error: node07: task 5: Exited with exit code 7\nsrun: error: node08: task 6: Killed\n", "rank 5 on node07 ended with exit code 7: capmoe: no"},
		{"srun names the signal", "srun: error: node07: tasks 4-6: Segmentation fault (core dumped)\n", "rank 4 on node07 was ended by signal Segmentation fault"},
		{"srun says why ranks did not start", "srun: error: Unable to create step for job 12: Invalid\nsrun: Force Terminated job 12\n", "mpirun ended with exit code 7: srun: error: Unable to create step for job 12: Invalid"},
		{"nobody says anything", "", "mpirun ended with exit code 7"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var passed strings.Builder
			w := newWatch(&passed)
			for i := range c.stderr {
				w.Write([]byte(c.stderr[i : i+1]))
			}
			w.flush()
			d := w.death(Job{Launcher: MPIRun, Ranks: 8})
			d.Code = 7
			if got := d.Error(); got != "launch: mpirun of 8 ranks: "+c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			if passed.String() != c.stderr {
				t.Errorf("%q was passed on, want %q", passed.String(), c.stderr)
			}
		})
	}
}

// What is seen does not depend on how the bytes come, has one line, and keeps to a size.
func FuzzWatch(f *testing.F) {
	f.Add([]byte("capmoe: a\n"+aborted), uint8(3))
	f.Add([]byte("srun: error: n: task 1: Killed\n---------------------\n\n---------------------"), uint8(1))
	f.Add([]byte(strings.Repeat("x", 3*longest)), uint8(200))
	f.Fuzz(func(t *testing.T, stderr []byte, size uint8) {
		whole, parts := newWatch(nil), newWatch(nil)
		whole.Write(stderr)
		for rest := stderr; len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			parts.Write(rest[:n])
			rest = rest[n:]
		}
		whole.flush()
		parts.flush()
		a, b := whole.death(Job{}).Error(), parts.death(Job{}).Error()
		if a != b {
			t.Errorf("%q whole, %q in parts of %d", a, b, size)
		}
		if strings.Contains(a, "\n") || len(a) > 4*longest {
			t.Errorf("error of %d bytes: %q", len(a), a)
		}
	})
}
