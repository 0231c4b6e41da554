//go:build !cgo || nompi

package collective_test

import (
	"testing"

	"capmoe/collective"
)

func TestStartWithoutMPIIsAWorldOfOne(t *testing.T) {
	testAlone(t, collective.Start)
}
