package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrLocked is the error for a file that another process is adding lines to.
var ErrLocked = errors.New("another process is adding to it")

// Lines is a file that grows by whole lines. What Append has returned for stays,
// whatever ends the process; a line that a kill has cut short is none, and the next ones
// take its place. A path that names a device or a pipe is written as it is.
type Lines struct {
	file   *os.File
	device bool
	cut    []byte // the line cut short that the file ends in
	whole  int64  // bytes of whole lines when it was opened
}

// OpenLines opens the file at path, or makes it, for one process at a time, and returns
// the whole lines that it holds. With anew it holds none. Otherwise the file stays as it is
// until lines are added: what it holds may be for others to keep.
func OpenLines(path string, anew bool) (*Lines, []byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil, nil, errors.New("is a directory")
	}
	if err == nil && !info.Mode().IsRegular() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &Lines{file: file, device: true}, nil, err
	}
	if err == nil && isStandard(info) {
		return nil, nil, errStandard
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, nil, err
	}
	l := &Lines{file: file}
	held, err := l.open(anew)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return l, held, nil
}

// open locks the file and reads it.
func (l *Lines) open(anew bool) ([]byte, error) {
	if err := unix.Flock(int(l.file.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return nil, ErrLocked
	} else if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if anew {
		if err := l.file.Truncate(0); err != nil {
			return nil, err
		}
	}
	all, err := io.ReadAll(l.file)
	if err != nil {
		return nil, err
	}
	held := all[:bytes.LastIndexByte(all, '\n')+1]
	l.whole, l.cut = int64(len(held)), bytes.Clone(all[len(held):])
	if _, err := l.file.Seek(l.whole, io.SeekStart); err != nil {
		return nil, err
	}
	if err := l.file.Sync(); err != nil {
		return nil, err
	}
	return held, syncFolder(filepath.Dir(l.file.Name()))
}

// Cut is the line cut short that the file ends in, in whose place Append puts lines; empty: there is none.
func (l *Lines) Cut() []byte { return l.cut }

// Append adds whole lines in one write and brings them to disk.
func (l *Lines) Append(lines []byte) error {
	if len(l.cut) > 0 {
		if err := l.file.Truncate(l.whole); err != nil {
			return err
		}
		l.cut = nil
	}
	if _, err := l.file.Write(lines); err != nil {
		return err
	}
	if l.device {
		return nil
	}
	return l.file.Sync()
}

// Close ends the adding.
func (l *Lines) Close() error { return l.file.Close() }

// syncFolder brings to disk that a file is there.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
