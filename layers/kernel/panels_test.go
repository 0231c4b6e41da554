//go:build cgo && !noonednn

package kernel

import "testing"

// A thread whose team is busy multiplies alone, and cuts rows to what its cache holds as the only thread of a team does.
func TestRowPieces(t *testing.T) {
	mat := &panelMatrix{team: newTeam(3)}
	for _, c := range []struct{ rows, together, alone int }{
		{1, 0, 1}, {320, 0, 1}, {321, 0, 2}, {767, 0, 3}, {768, 3, 3}, {961, 6, 4},
	} {
		alone := 0
		mat.team.each(2, func(_, i int) {
			if i == 0 {
				alone = mat.rowPieces(c.rows)
			}
		})
		if together := mat.rowPieces(c.rows); together != c.together || alone != c.alone {
			t.Errorf("%d rows are cut into %d pieces for a team of three and %d for a thread alone, want %d and %d", c.rows, together, alone, c.together, c.alone)
		}
	}
}
