package launch

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseHosts(t *testing.T) {
	text := "# two nodes\nnode01 slots=8 max_slots=16\n\n  node02.example.org\tslots=4 # here\n10.0.0.3\n"
	want := []Host{{"node01", 8, 16}, {"node02.example.org", 4, 0}, {"10.0.0.3", 0, 0}}
	if got, err := parseHosts("hosts", text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// A fault names file, line and field.
func TestHostfileFaults(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"there is a host", "# none\n\n", "launch: hostfile hosts: no host in 2 lines"},
		{"an empty file has none", "", "launch: hostfile hosts: no host in 0 lines"},
		{"slots are a number", "a\nb slots=two\n", `launch: hostfile hosts:2: field "slots=two": want a whole number`},
		{"slots are 1 or more", "a slots=0\n", `hosts:1: field "slots=0"`},
		{"slots have a number", "a slots\n", `hosts:1: field "slots"`},
		{"slots are said once", "a slots=2 max_slots=3 slots=3\n", `hosts:1: field "slots=3": the line says 2 already`},
		{"fields are known", "a slot=2\n", `hosts:1: field "slot=2": want slots=N or max_slots=N`},
		{"a host is a name", "slots=2\n", `hosts:1: host "slots=2": character '='`},
		{"and no flag", "--help\n", `hosts:1: host "--help": character '-'`},
		{"slots keep to the most", "a slots=4 max_slots=2\n", "hosts:1: slots=4, max_slots=2"},
		{"lines end as mpirun reads them", "# here \r\na slots=2\r\n", "hosts:2: carriage return at byte 9"},
		{"a host is there once", "a\nb\na\n", "hosts:3: host a is on line 1 already"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, err := parseHosts("hosts", c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	for path, want := range map[string]string{filepath.Join(t.TempDir(), "missing"): "no such file", t.TempDir(): "is a directory"} {
		if _, err := ReadHosts(path); err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v, want %q and the path once", path, err, want)
		}
	}
}

// The hostfile that is shipped is one.
func TestShippedHostfile(t *testing.T) {
	if _, err := os.Stat("../hostfile.example"); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadHosts("../hostfile.example"); err != nil {
		t.Error(err)
	}
}

// What is read has hosts with sound numbers, or the error names the file.
func FuzzParseHosts(f *testing.F) {
	for _, text := range []string{"", "a\n", "a slots=2 max_slots=3\n#\n", "a slots=99999999999999999999", "\x00", "a\r\nb"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		hosts, err := parseHosts("hosts", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "launch: hostfile hosts") {
				t.Errorf("error %q", err)
			}
			return
		}
		for _, h := range hosts {
			if h.Name == "" || h.Slots < 0 || h.Most > 0 && h.Slots > h.Most {
				t.Errorf("host %+v", h)
			}
		}
	})
}
