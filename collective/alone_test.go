package collective_test

import (
	"testing"

	"capmoe/collective"
	"capmoe/collective/commtest"
)

func TestAloneIsAWorldOfOne(t *testing.T) {
	testAlone(t, collective.Alone)
}

func testAlone(t *testing.T, start func(collective.Options) (*collective.World, error)) {
	w, err := start(collective.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w.Comm().Size() != 1 || len(w.Hosts()) != 1 || w.Hosts()[0] == "" {
		t.Errorf("%d ranks on hosts %q", w.Comm().Size(), w.Hosts())
	}
	if err := commtest.Check(w.Comm()); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
