package launch

import (
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// Death is how a job failed: who ended it and where, as its launcher says.
type Death struct {
	Launcher string
	Ranks    int           // P
	Rank     int           // that failed first; -1: the launcher does not say
	Host     string        // of that rank; empty: the launcher does not say
	Code     int           // exit code
	Signal   string        // that ended the rank, such as "9 (Killed)"; empty: none
	After    time.Duration // the timeout that passed; 0: none did
	Cause    string        // first error line of a rank, or else of the launcher
}

// Error is one line.
func (d *Death) Error() string {
	text := fmt.Sprintf("launch: %s of %d ranks: ", d.Launcher, d.Ranks)
	if d.After > 0 {
		text += fmt.Sprintf("not done after %v, stopped", d.After)
	} else {
		text += d.who() + " " + d.how()
	}
	if d.Cause != "" {
		text += ": " + d.Cause
	}
	return text
}

func (d *Death) who() string {
	switch {
	case d.Rank >= 0 && d.Host != "":
		return fmt.Sprintf("rank %d on %s", d.Rank, d.Host)
	case d.Rank >= 0:
		return fmt.Sprintf("rank %d", d.Rank)
	case d.Host != "":
		return "a rank on " + d.Host
	}
	return d.Launcher
}

func (d *Death) how() string {
	if d.Signal != "" {
		return "was ended by signal " + d.Signal
	}
	return fmt.Sprintf("ended with exit code %d", d.Code)
}

// ended takes what the launcher's own end says: its exit code is that of the rank, or
// 128 and the signal that ended the rank, unless the launcher has words of its own.
func (d *Death) ended(exit *exec.ExitError, words string) {
	status, _ := exit.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		d.Rank, d.Host = -1, ""
		d.Signal = nameOf(status.Signal())
		return
	}
	d.Code = exit.ExitCode()
	if d.Signal == "" && words == "" && d.Code > 128 && d.Code < 128+32 {
		d.Signal = nameOf(syscall.Signal(d.Code - 128))
	}
}

func nameOf(signal syscall.Signal) string {
	return fmt.Sprintf("%d (%v)", int(signal), signal)
}
