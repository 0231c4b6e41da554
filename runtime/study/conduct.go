package study

import (
	"context"
	"time"
)

// Execute runs a cell once. A run that fails is a row that says why; an error means
// that the study cannot go on, and leaves no row.
type Execute func(context.Context, Run) (Row, error)

// Progress is how far a study is.
type Progress struct {
	Run    Run           // that has ended, or is about to start
	Row    *Row          // of the run that has ended; nil: it is about to start
	Done   int           // runs with a row, of earlier processes too
	Of     int           // runs of the study
	Failed int           // of Done
	Left   time.Duration // at the pace of this process; 0: not known yet
}

// Conduct executes the runs that are left, one after the other, and keeps their rows.
// It ends before the last one when the context does, or when a row cannot be kept.
func (f *Folder) Conduct(ctx context.Context, runs []Run, retryFailed bool, execute Execute, watch func(Progress)) error {
	left := f.Left(runs, retryFailed)
	p := Progress{Done: len(runs) - len(left), Of: len(runs), Failed: len(f.Failures(runs))}
	if retryFailed {
		p.Failed = 0
	}
	began := time.Now()
	for i, r := range left {
		p.Run, p.Row = r, nil
		watch(p)
		if err := ctx.Err(); err != nil {
			return err
		}
		row, err := execute(ctx, r)
		if err != nil {
			return err
		}
		row.Cell, row.Repeat = r.Cell, r.Repeat
		if err := f.Append(row); err != nil {
			return err
		}
		p.Row = &row
		p.Done++
		if row.Failure != "" {
			p.Failed++
		}
		p.Left = time.Since(began) / time.Duration(i+1) * time.Duration(len(left)-i-1)
		watch(p)
	}
	return nil
}
