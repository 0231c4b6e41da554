package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"capmoe/runtime/durable"
	"capmoe/runtime/study/figure"
)

// Page is the name of the HTML file.
const Page = "report.html"

// Write writes the report to a folder, which it makes where it is not there:
//
//	report.html                     all of it, in one file
//	figures/NAME.svg .png .csv      each figure and its numbers
//	tables/NAME.csv .md             each table
//
// Every file is whole or not there; the page is last.
func (r *Report) Write(dir string) error {
	images, err := r.render()
	if err != nil {
		return err
	}
	page, err := r.HTML(images)
	if err != nil {
		return err
	}
	files := folder{dir: dir}
	for _, s := range r.Sections {
		for _, f := range s.Figures {
			png, err := figure.PNG(f.Drawing)
			if err != nil {
				return fmt.Errorf("report: figure %s: %w", f.Name, err)
			}
			name := s.Prefix + f.Name
			files.write("figures", name+".svg", images[name].File())
			files.write("figures", name+".png", png)
			files.write("figures", name+".csv", f.Data.CSV())
		}
		for _, t := range append([]Table{s.Headline}, s.Tables...) {
			files.table(s.Prefix, t)
		}
	}
	for _, t := range r.Tables {
		files.table("", t)
	}
	files.write(".", Page, page)
	return files.fault
}

// render draws every figure as SVG, by the name of its files.
func (r *Report) render() (map[string]figure.Image, error) {
	images := map[string]figure.Image{}
	for _, s := range r.Sections {
		for _, f := range s.Figures {
			image, err := figure.SVG(f.Drawing, f.Title, f.Finding)
			if err != nil {
				return nil, fmt.Errorf("report: figure %s: %w", f.Name, err)
			}
			images[s.Prefix+f.Name] = image
		}
	}
	return images, nil
}

// folder is where files go, up to the first fault.
type folder struct {
	dir   string
	fault error
}

func (f *folder) table(prefix string, t Table) {
	f.write("tables", prefix+t.Name+".csv", t.CSV())
	f.write("tables", prefix+t.Name+".md", t.Markdown())
}

func (f *folder) write(sub, name string, data []byte) {
	if f.fault != nil {
		return
	}
	path := filepath.Join(f.dir, sub, name)
	if err := whole(path, data); err != nil {
		if fault, ok := errors.AsType[*fs.PathError](err); ok {
			err = fmt.Errorf("%s: %w", fault.Op, fault.Err)
		}
		f.fault = fmt.Errorf("report: %s (%d bytes): %w", path, len(data), err)
	}
}

// whole makes a file whole, or not at all.
func whole(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	file, err := durable.Create(path)
	if err != nil {
		return err
	}
	defer file.Discard()
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Commit()
}
