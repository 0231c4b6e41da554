package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

const (
	indexName  = "model.safetensors.index.json"
	singleName = "model.safetensors"
	extension  = ".safetensors"
)

// Store is the tensors of a Hugging Face model folder, in one file or in
// shards. A shard is mapped when the first of its tensors is asked for. Any
// number of goroutines may use it until Close.
type Store struct {
	dir   string
	shard map[string]string // tensor → its file within dir

	mu     sync.Mutex
	files  map[string]*File // by file within dir; opened so far
	closed bool
}

// Open finds the tensors of folder dir: through model.safetensors.index.json,
// whose shards must all be there, else in model.safetensors, else in the one
// file named *.safetensors. An index beside a model.safetensors that is none of its
// shards is an error: of the two, others read the one or the other.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, files: make(map[string]*File)}
	var err error
	s.shard, err = readIndex(dir)
	if err == nil && !slices.Contains(slices.Collect(maps.Values(s.shard)), singleName) {
		if _, fault := os.Stat(filepath.Join(dir, singleName)); fault == nil {
			return nil, &Error{File: dir, Err: fmt.Errorf("two models: %s, and the shards of %s, of which it is none", singleName, indexName)}
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	name, err := findSingle(dir)
	if err != nil {
		return nil, err
	}
	f, err := s.file(name)
	if err != nil {
		return nil, err
	}
	s.shard = make(map[string]string, len(f.tensors))
	for tensor := range f.tensors {
		s.shard[tensor] = name
	}
	return s, nil
}

// Tensor returns the tensor of that name. Its error wraps ErrNotFound if the
// folder has none, and names the one with the nearest name.
func (s *Store) Tensor(name string) (Tensor, error) {
	shard, ok := s.shard[name]
	if !ok {
		return Tensor{}, &Error{File: s.dir, Tensor: name, Err: s.missing(name)}
	}
	f, err := s.file(shard)
	if err != nil {
		return Tensor{}, err
	}
	t, ok := f.Tensor(name)
	if !ok {
		return Tensor{}, &Error{File: f.path, Tensor: name,
			Err: fmt.Errorf("not among the %d tensors of this shard, where %s says it is", len(f.tensors), indexName)}
	}
	return t, nil
}

// Has says whether the folder has a tensor of that name.
func (s *Store) Has(name string) bool {
	_, ok := s.shard[name]
	return ok
}

// Names lists the tensors, sorted.
func (s *Store) Names() []string { return slices.Sorted(maps.Keys(s.shard)) }

// Close closes all files. No tensor of the store may be read afterwards.
// Closing again does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var faults []error
	for _, f := range s.files {
		faults = append(faults, f.Close())
	}
	clear(s.files)
	return errors.Join(faults...)
}

// file returns a file of the folder, opened if it was not yet.
func (s *Store) file(name string) (*File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &Error{File: s.dir, Err: fs.ErrClosed}
	}
	if f := s.files[name]; f != nil {
		return f, nil
	}
	f, err := OpenFile(filepath.Join(s.dir, name))
	if err != nil {
		return nil, err
	}
	if err := s.alone(f, name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.files[name] = f
	return f, nil
}

// alone is an error if a shard has a tensor that the index says is in another: which of
// the two is meant cannot be known.
func (s *Store) alone(f *File, name string) error {
	for _, tensor := range slices.Sorted(maps.Keys(f.tensors)) {
		if other, listed := s.shard[tensor]; listed && filepath.Clean(other) != filepath.Clean(name) {
			return &Error{File: f.path, Tensor: tensor, Err: fmt.Errorf("also here, where %s says it is in %s", indexName, other)}
		}
	}
	return nil
}

func (s *Store) missing(name string) error {
	if len(s.shard) == 0 {
		return fmt.Errorf("%w, the folder has no tensors", ErrNotFound)
	}
	return fmt.Errorf("%w among %d tensors; the nearest name is %q", ErrNotFound, len(s.shard), nearest(name, s.Names()))
}

// findSingle is the name of the folder's only safetensors file.
func findSingle(dir string) (string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", fileError(dir, err)
	}
	var found []string
	for _, item := range list {
		if item.Name() == singleName {
			return singleName, nil
		}
		if strings.HasSuffix(item.Name(), extension) {
			found = append(found, item.Name())
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &Error{File: dir, Err: fmt.Errorf("no %s, no %s, and no other *%s: %w", indexName, singleName, extension, fs.ErrNotExist)}
	}
	return "", &Error{File: dir, Err: fmt.Errorf("%d files %s … and no %s says what is in which", len(found), found[0], indexName)}
}
