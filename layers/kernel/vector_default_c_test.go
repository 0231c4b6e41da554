//go:build cgo && !noonednn

package kernel

import "testing"

// A CPU that has vectors of 16 lanes gives the same bits with those of 8.
func TestSingleRowsOfEightLanesEqualPortable(t *testing.T) {
	own := rowLanes
	defer func() { rowLanes = own }()
	rowLanes = 8
	testSingleRows(t)
}
