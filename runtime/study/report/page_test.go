package report

import (
	"encoding/base64"
	"encoding/xml"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// element is an element of the page.
type element struct {
	name     string
	attr     map[string]string
	text     string // of all that it holds
	children []*element
}

// parsePage reads HTML that is as regular as XML.
func parsePage(t testing.TB, page string) *element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	root := &element{}
	stack := []*element{root}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return root
		}
		if err != nil {
			t.Fatalf("page: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			top := stack[len(stack)-1]
			top.children = append(top.children, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			for _, e := range stack {
				e.text += string(token)
			}
		}
	}
}

// all are the elements of a name, in order.
func (e *element) all(name string) (found []*element) {
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
		found = append(found, c.all(name)...)
	}
	return found
}

func TestEveryFigureHasWordsAndNumbers(t *testing.T) {
	dir := written(t)
	page := parsePage(t, readFile(t, filepath.Join(dir, Page)))
	figures := page.all("figure")
	if len(figures) < 10 {
		t.Errorf("%d figures, want 10 or more", len(figures))
	}
	if svgs := page.all("svg"); len(svgs) != len(figures) {
		t.Errorf("%d drawings in %d figures", len(svgs), len(figures))
	}
	ids := map[string]bool{}
	for _, f := range figures {
		name := f.attr["id"]
		if ids[name] {
			t.Errorf("id %s is there twice", name)
		}
		ids[name] = true
		svg := f.all("svg")[0]
		if svg.attr["role"] != "img" || svg.attr["aria-labelledby"] != name+"-t "+name+"-d" {
			t.Errorf("%s: role %q, labelled by %q", name, svg.attr["role"], svg.attr["aria-labelledby"])
		}
		if words := svg.all("desc")[0].text; len(words) < 30 || !strings.ContainsAny(words, "0123456789") {
			t.Errorf("%s: alternative text %q states no finding", name, words)
		}
		if caption := strings.ReplaceAll(f.all("figcaption")[0].text, "\u00a0", " "); !strings.Contains(caption, svg.all("desc")[0].text) {
			t.Errorf("%s: the caption does not state the finding", name)
		}
		if len(f.all("figcaption")) != 1 || len(f.all("table")) != 1 {
			t.Errorf("%s: want one caption and one table of its data", name)
		}
		link := f.all("a")[0]
		text, found := strings.CutPrefix(link.attr["href"], "data:text/csv;charset=utf-8;base64,")
		csv, err := base64.StdEncoding.DecodeString(text)
		if !found || err != nil {
			t.Errorf("%s: no CSV: %v", name, err)
			continue
		}
		if beside := readFile(t, filepath.Join(dir, "figures", link.attr["download"])); beside != string(csv) {
			t.Errorf("%s: the CSV of the page is not that of the file %s", name, link.attr["download"])
		}
		if rows := len(f.all("tr")); rows != strings.Count(string(csv), "\n") {
			t.Errorf("%s: %d rows of HTML, %d of CSV", name, rows, strings.Count(string(csv), "\n"))
		}
	}
}

func TestPageNeedsNothingElse(t *testing.T) {
	page := readFile(t, filepath.Join(written(t), Page))
	for _, m := range regexp.MustCompile(`(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]*)`).FindAllStringSubmatch(page, -1) {
		if to := m[1]; !strings.HasPrefix(to, "#") && !strings.HasPrefix(to, "data:") {
			t.Errorf("the page asks for %q", to)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "@import") {
		t.Error("the page has a script or an import")
	}
}

func TestRowsAreNotMarkup(t *testing.T) {
	const evil = `<script>alert("1")</script>`
	line := strings.ReplaceAll(rowOf(t), `"drop"`, `"`+strings.ReplaceAll(evil, `"`, `\"`)+`"`)
	r := compose(evil, parsed(t, line))
	images, err := r.render()
	if err != nil {
		t.Fatal(err)
	}
	page, err := r.HTML(images)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), "<script") {
		t.Error("a name of a row is markup in the page")
	}
}
