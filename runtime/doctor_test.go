package runtime

import (
	"fmt"
	"testing"
)

func TestExamineHosts(t *testing.T) {
	var many []string
	for node := range 18 {
		many = append(many, fmt.Sprintf("n%02d", node), fmt.Sprintf("n%02d", node))
	}
	for _, c := range []struct {
		rule  string
		hosts []string
		want  string
	}{
		{"a host is named once", []string{"a", "a"}, "2 on 1 host: a"},
		{"hosts are in order", []string{"b", "a", "b"}, "3 on 2 hosts: a b"},
		{"of many the first are named", many, "36 on 18 hosts: n00 n01 n02 n03 n04 n05 n06 n07 n08 n09 n10 n11 n12 n13 n14 n15 and 2 more"},
	} {
		if got := examineHosts(Process{Hosts: c.hosts}); got.Text != c.want || !got.OK {
			t.Errorf("%s: %q, want %q", c.rule, got.Text, c.want)
		}
	}
}
