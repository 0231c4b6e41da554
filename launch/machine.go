package launch

import (
	"bytes"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
)

// Machine is what this machine is.
type Machine struct {
	Host  string
	CPU   string // model, as the system names it
	Cores int    // processors online
}

// ThisMachine asks the system; what it does not say is "unknown".
func ThisMachine() Machine {
	m := Machine{Host: "unknown", CPU: "unknown", Cores: onlineCores()}
	if host, err := os.Hostname(); err == nil {
		m.Host = host
	}
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range bytes.Lines(text) {
		if key, value, _ := strings.Cut(string(line), ":"); strings.TrimSpace(key) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

// wholeCores counts the cores that this process may use; two hardware threads of a core
// are one, as launchers count slots.
func wholeCores() int {
	cores := map[string]bool{}
	lists, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list")
	for _, list := range lists {
		if siblings, err := os.ReadFile(list); err == nil {
			cores[string(siblings)] = true
		}
	}
	if len(cores) == 0 {
		return goruntime.NumCPU()
	}
	return min(len(cores), goruntime.NumCPU())
}

// isHere tells whether a host of a hostfile is this machine.
func isHere(name string) bool {
	host, _ := os.Hostname()
	short, _, _ := strings.Cut(host, ".")
	return name == "localhost" || name == "127.0.0.1" || name == host || name == short
}
