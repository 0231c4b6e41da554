package checkpoint

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readIndex reads the index file of folder dir: tensor → shard, a file within
// dir. Every shard is there. The error wraps fs.ErrNotExist if, and only if,
// there is no index file.
func readIndex(dir string) (map[string]string, error) {
	path := filepath.Join(dir, indexName)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	shard, err := parseIndex(text)
	if err != nil {
		return nil, fileError(path, err)
	}
	if err := checkShards(dir, shard); err != nil {
		return nil, fileError(path, err)
	}
	return shard, nil
}

// parseIndex reads the weight_map of an index file. All shards are paths within
// its folder.
func parseIndex(text []byte) (map[string]string, error) {
	r, err := newJSONReader(text)
	if err != nil {
		return nil, err
	}
	var shard map[string]string
	err = r.object(func(name string) (err error) {
		if name != "weight_map" {
			return r.skip()
		}
		shard, err = r.strings(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	if shard == nil {
		return nil, errors.New("weight_map is missing")
	}
	for _, tensor := range slices.Sorted(maps.Keys(shard)) {
		if file := shard[tensor]; !filepath.IsLocal(file) {
			return nil, fmt.Errorf("weight_map: tensor %q: shard %q is not a path within the folder", tensor, file)
		}
	}
	return shard, nil
}

// checkShards checks that all shards exist, as after a whole download.
func checkShards(dir string, shard map[string]string) error {
	tensors := make(map[string]int)
	for _, file := range shard {
		tensors[file]++
	}
	var missing []string
	for file := range tensors {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			missing = append(missing, file)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("%d of %d shards are missing: %s", len(missing), len(tensors), strings.Join(missing, ", "))
}
