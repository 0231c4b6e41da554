package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	dir := written(t)
	var names []string
	for _, sub := range []string{"figures", "tables"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, sub+"/"+e.Name())
			if info, err := e.Info(); err != nil || info.Size() == 0 {
				t.Errorf("%s is empty: %v", e.Name(), err)
			}
		}
	}
	for _, stem := range []string{"speedup", "efficiency", "mass-gamma", "perplexity-gamma", "mass-speedup", "perplexity-speedup", "equal-mass", "phases", "stragglers", "loads"} {
		for _, kind := range []string{".svg", ".png", ".csv"} {
			if !slices.Contains(names, "figures/"+stem+kind) {
				t.Errorf("figures/%s%s is missing", stem, kind)
			}
		}
	}
	for _, stem := range []string{"headline", "cells", "wall", "environment", "counterfactuals", "ranks"} {
		for _, kind := range []string{".csv", ".md"} {
			if !slices.Contains(names, "tables/"+stem+kind) {
				t.Errorf("tables/%s%s is missing", stem, kind)
			}
		}
	}
}

func TestFaultsOfTheFolder(t *testing.T) {
	r, err := fixtureReport()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, want string
		spoil      func(t *testing.T, dir string) error
	}{
		{"a file where a folder goes", "figures/speedup.svg", func(t *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "figures"), nil, 0o666)
		}},
		{"a full disk", "report.html (", func(t *testing.T, dir string) error {
			return os.Symlink("/dev/full", filepath.Join(dir, Page))
		}},
		{"a folder where the page goes", "is a directory", func(t *testing.T, dir string) error {
			return os.Mkdir(filepath.Join(dir, Page), 0o777)
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.spoil(t, dir); err != nil {
				t.Fatal(err)
			}
			err := r.Write(dir)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "report: "+dir) {
				t.Errorf("error %v, want one that names the file and has %q", err, c.want)
			}
			left, _ := filepath.Glob(filepath.Join(dir, "*", ".*.tmp"))
			if len(left) > 0 {
				t.Errorf("half a file was left: %v", left)
			}
		})
	}
}

func TestSameRowsSamePage(t *testing.T) {
	dir := written(t)
	again, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	images, err := again.render()
	if err != nil {
		t.Fatal(err)
	}
	page, err := again.HTML(images)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != readFile(t, filepath.Join(dir, Page)) {
		t.Error("two reports of the same rows differ")
	}
}
