package launch

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// watch passes standard error of a job on, and reads in it who failed.
//
// mpirun puts its own words between lines of dashes, and lines that start with [host:;
// srun begins its lines with its name. All else is what ranks say.
type watch struct {
	to      io.Writer // nil: nowhere
	line    []byte    // not ended yet
	dashes  bool      // within mpirun's own words
	block   []string  // those words so far
	rank    int       // -1: not known
	host    string
	signal  string
	said    string // first line of a rank
	fault   string // first line of a rank that is an error's for certain
	comment string // first words of the launcher that say why
}

func newWatch(to io.Writer) *watch { return &watch{to: to, rank: -1} }

// longest is how much of a line is read, and of the launcher's words.
const longest = 4096

// Write takes a part of standard error.
func (w *watch) Write(p []byte) (int, error) {
	rest := p
	for {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		w.line = append(w.line, line[:min(len(line), longest-len(w.line))]...)
		if !ended {
			break
		}
		w.flush()
		rest = after
	}
	if w.to == nil {
		return len(p), nil
	}
	return w.to.Write(p)
}

// flush reads the line that has come so far.
func (w *watch) flush() {
	if line := strings.TrimRight(string(w.line), "\r "); line != "" || w.dashes {
		w.read(line)
	}
	w.line = w.line[:0]
}

func (w *watch) read(line string) {
	switch {
	case strings.HasPrefix(line, "--------------------"):
		if w.dashes {
			w.readBlock(w.block)
		}
		w.dashes, w.block = !w.dashes, nil
	case strings.HasPrefix(line, Note):
	case isFault(line):
		if w.fault == "" {
			w.fault = line
		}
	case w.dashes:
		if len(w.block) < longest/80 {
			w.block = append(w.block, line)
		}
	case strings.HasPrefix(line, "srun: ") || strings.HasPrefix(line, "slurmstepd: "):
		w.readSlurm(line)
	case w.said == "" && !strings.HasPrefix(line, "["):
		w.said = line
	}
}

// Note begins a line of capmoe that is about no fault.
const Note = "capmoe: note: "

// isFault tells whether a line is an error's, of capmoe or of any program in Go.
func isFault(line string) bool {
	return strings.HasPrefix(line, "capmoe: ") || strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
}

// What mpirun says of the rank that failed first.
var (
	mpirunSignal = regexp.MustCompile(`process rank (\d+) with PID \d+ on node (\S+) exited on\s+signal (\d+ \([^)]*\))`)
	mpirunExit   = regexp.MustCompile(`Process name: \[\[\d+,\d+\],(\d+)\]`)
	mpirunAbort  = regexp.MustCompile(`MPI_ABORT was invoked on rank (\d+) `)
)

// readBlock reads what mpirun says between two lines of dashes.
func (w *watch) readBlock(block []string) {
	text := strings.Join(block, " ")
	if m := mpirunSignal.FindStringSubmatch(text); m != nil {
		w.blame(m[1], m[2])
		w.signal = m[3]
	} else if m := mpirunExit.FindStringSubmatch(text); m != nil {
		w.blame(m[1], "")
	} else if m := mpirunAbort.FindStringSubmatch(text); m != nil {
		w.blame(m[1], "")
	} else if w.comment == "" && !strings.Contains(text, "Per user-direction, the job has been aborted") {
		w.comment = paragraphs(block)
	}
}

// paragraphs is the first paragraph of the launcher's words, and the next one where it
// ends with a colon.
func paragraphs(block []string) string {
	var words []string
	for _, line := range block {
		if line == "" && len(words) > 0 && !strings.HasSuffix(words[len(words)-1], ":") {
			break
		}
		words = append(words, strings.Fields(line)...)
	}
	return strings.Join(words, " ")
}

// What srun says of a rank, and of a signal that ended it.
var slurmTask = regexp.MustCompile(`^srun: error: (\S+): tasks? (\d+)[-,\d]*: (.*)$`)

// readSlurm reads a line of Slurm.
func (w *watch) readSlurm(line string) {
	m := slurmTask.FindStringSubmatch(line)
	if m == nil {
		if w.comment == "" && strings.Contains(line, "error:") {
			w.comment = line
		}
		return
	}
	if w.rank < 0 && !strings.HasPrefix(m[3], "Exited with exit code") {
		w.signal = strings.TrimSuffix(m[3], " (core dumped)")
	}
	w.blame(m[2], m[1])
}

// blame takes the first rank that the launcher names.
func (w *watch) blame(rank, host string) {
	if n, err := strconv.Atoi(rank); err == nil && w.rank < 0 {
		w.rank, w.host = n, host
	}
}

// death is what was seen of a job's end.
func (w *watch) death(j Job) *Death {
	d := &Death{Launcher: j.Launcher, Ranks: j.Ranks, Rank: w.rank, Host: w.host, Signal: w.signal}
	for _, d.Cause = range []string{w.fault, w.said, w.comment} {
		if d.Cause != "" {
			break
		}
	}
	return d
}
