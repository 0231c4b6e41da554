package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrNotFound is what Store.Tensor's error wraps when the folder holds no
// tensor of that name.
var ErrNotFound = errors.New("not found")

// Error is a fault of a checkpoint: where it is and what is wrong. Every error
// of the safetensors part of this package is one; test with errors.As. Faults
// of the operating system stay in the chain (fs.ErrNotExist, syscall.ENOSPC).
type Error struct {
	File   string // the path as the caller gave it
	Tensor string // "" where the fault is the file's
	Err    error  // the fact, with both numbers
}

// Error is one line: checkpoint: FILE: tensor "NAME": FACT.
func (e *Error) Error() string {
	if e.Tensor == "" {
		return fmt.Sprintf("checkpoint: %s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("checkpoint: %s: tensor %q: %v", e.File, e.Tensor, e.Err)
}

// Unwrap returns the fact.
func (e *Error) Unwrap() error { return e.Err }

// fileError puts err down to file. Of an err that is about a tensor, that part
// remains; a path that err repeats is left out.
func fileError(file string, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.File = file
		return e
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", path.Op, path.Err)
	}
	return &Error{File: file, Err: err}
}
