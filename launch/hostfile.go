package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Host is a line of a hostfile.
type Host struct {
	Name  string
	Slots int // ranks it has room for; 0: the file does not say
	Most  int // ranks it may have at most; 0: no bound
}

// ReadHosts reads a hostfile of Open MPI: a host a line, with slots=N and max_slots=N
// where wanted; # begins a comment. Errors name file, line and field.
func ReadHosts(path string) ([]Host, error) {
	text, err := os.ReadFile(path)
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("launch: hostfile %s: %s: %w", path, fault.Op, fault.Err)
	}
	return parseHosts(path, string(text))
}

func parseHosts(path, text string) ([]Host, error) {
	var hosts []Host
	lines := map[string]int{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if at := strings.IndexByte(line, '\r'); at >= 0 {
			return nil, fmt.Errorf("launch: hostfile %s:%d: carriage return at byte %d, where mpirun stops: end lines in a line feed alone", path, number, at)
		}
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		host, err := parseHost(fields)
		if err != nil {
			return nil, fmt.Errorf("launch: hostfile %s:%d: %w", path, number, err)
		}
		if at := lines[host.Name]; at > 0 {
			return nil, fmt.Errorf("launch: hostfile %s:%d: host %s is on line %d already", path, number, host.Name, at)
		}
		lines[host.Name] = number
		hosts = append(hosts, host)
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("launch: hostfile %s: no host in %d lines, want one a line, such as node01 slots=8", path, number)
	}
	return hosts, nil
}

func parseHost(fields []string) (Host, error) {
	host := Host{Name: fields[0]}
	for i, r := range host.Name {
		if r < '!' || r > '~' || strings.ContainsRune(`=,;:"'$&|<>()\`+"`", r) || i == 0 && r == '-' {
			return host, fmt.Errorf("host %q: character %q is in no host name", host.Name, r)
		}
	}
	for _, field := range fields[1:] {
		key, value, _ := strings.Cut(field, "=")
		into := map[string]*int{"slots": &host.Slots, "max_slots": &host.Most, "max-slots": &host.Most}[key]
		if into == nil {
			return host, fmt.Errorf("field %q: want slots=N or max_slots=N", field)
		}
		if *into > 0 {
			return host, fmt.Errorf("field %q: the line says %d already", field, *into)
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return host, fmt.Errorf("field %q: want a whole number, 1 or more", field)
		}
		*into = n
	}
	if host.Most > 0 && host.Slots > host.Most {
		return host, fmt.Errorf("slots=%d, max_slots=%d: want no more slots than that", host.Slots, host.Most)
	}
	return host, nil
}
