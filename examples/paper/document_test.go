package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPut(t *testing.T) {
	for _, c := range []struct{ rule, text, want, fault string }{
		{"an empty place is filled", "a\n<!-- table x -->\n<!-- end -->\nb", "a\n<!-- table x -->\n| 1 |\n<!-- end -->\nb", ""},
		{"an old table goes", "<!-- table x -->\n| 0 |\n<!-- end --> b", "<!-- table x -->\n| 1 |\n<!-- end --> b", ""},
		{"others stay", "<!-- table y -->\n2\n<!-- end -->\n<!-- table x --><!-- end -->", "<!-- table y -->\n2\n<!-- end -->\n<!-- table x -->\n| 1 |\n<!-- end -->", ""},
		{"a mark is there", "<!-- table y --><!-- end -->", "", "0 marks <!-- table x -->, want 1"},
		{"a mark is there once", "<!-- table x --><!-- end --><!-- table x --><!-- end -->", "", "2 marks <!-- table x -->, want 1"},
		{"a table ends", "<!-- table x -->", "", "no mark <!-- end --> behind <!-- table x -->"},
		{"a table ends before the next", "<!-- table x --><!-- table y --><!-- end -->", "", "no mark <!-- end --> behind <!-- table x -->"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := document{path: "d.md", text: c.text}
			err := d.put("x", "\n| 1 |\n\n")
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), "paper: document d.md: "+c.fault) {
					t.Fatalf("error %v, want %q", err, c.fault)
				}
				if d.text != c.text {
					t.Errorf("a refused table has changed the text to %q", d.text)
				}
				return
			}
			if err != nil || d.text != c.want {
				t.Errorf("%q, %v, want %q", d.text, err, c.want)
			}
		})
	}
}

// What is written is what was put; a folder that is not there is an error.
func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.md")
	d := document{path: path, text: "<!-- table x --><!-- end -->"}
	if err := d.put("x", "| 1 |"); err != nil {
		t.Fatal(err)
	}
	if err := d.write(); err != nil {
		t.Fatal(err)
	}
	again, err := readDocument(path)
	if err != nil || again.table("x") != "| 1 |" {
		t.Errorf("%q, %v", again.text, err)
	}
	d.path = filepath.Join(path, "no", "d.md")
	if err := d.write(); err == nil || !strings.Contains(err.Error(), d.path) {
		t.Errorf("error %v, want one that names %s", err, d.path)
	}
	if _, err := readDocument(d.path); err == nil || !strings.Contains(err.Error(), d.path) {
		t.Errorf("error %v, want one that names %s", err, d.path)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("%d files, want 1", len(files))
	}
}

// A table that was put is read back, and put again changes nothing.
func FuzzPut(f *testing.F) {
	f.Add("a<!-- table x -->\nb\n<!-- end -->c", "| 1 |")
	f.Add("<!-- table x --><!-- table x --><!-- end -->", "")
	f.Fuzz(func(t *testing.T, text, table string) {
		if strings.Contains(table, "<!--") || strings.Contains(table, "-->") {
			t.Skip("a mark is no table")
		}
		d := document{text: text}
		if d.put("x", table) != nil {
			if d.text != text {
				t.Fatalf("refused, but %q became %q", text, d.text)
			}
			return
		}
		once := d.text
		if got := d.table("x"); got != strings.TrimSpace(table) {
			t.Fatalf("%q came back as %q", table, got)
		}
		if err := d.put("x", table); err != nil || d.text != once {
			t.Fatalf("again: %v, %q, want %q", err, d.text, once)
		}
	})
}
