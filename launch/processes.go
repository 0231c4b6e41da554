package launch

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// killAll kills what is left of a process group, and those of the processes that are
// still there: launchers give their ranks groups of their own.
func killAll(group int, processes []int) {
	syscall.Kill(-group, syscall.SIGKILL)
	for _, pid := range processes {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// descendants lists the processes that a process has started, and those that they have.
func descendants(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, entry := range entries {
		if child, err := strconv.Atoi(entry.Name()); err == nil {
			parent := parentOf(child)
			children[parent] = append(children[parent], child)
		}
	}
	var found []int
	for next := children[pid]; len(next) > 0; next = next[1:] {
		found = append(found, next[0])
		next = append(next, children[next[0]]...)
	}
	return found
}

// parentOf reads /proc/PID/stat: pid (name) state parent …, where the name may hold
// blanks and parentheses.
func parentOf(pid int) (parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	var state string
	fmt.Sscan(string(stat[bytes.LastIndexByte(stat, ')')+1:]), &state, &parent)
	return parent
}
