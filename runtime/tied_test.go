package runtime

import (
	"slices"
	"strings"
	"testing"

	"capmoe/collective"
	"capmoe/runtime/checkpoint"
)

// An output matrix that is the embedding may be stored, too, with the same values; with others the model is refused.
func TestTiedOutputMatrix(t *testing.T) {
	m := newMade(t, 13, with(madeDeepSeek, map[string]any{"tie_word_embeddings": true}))
	m.fill()
	head := slices.IndexFunc(m.specs, func(s checkpoint.Spec) bool { return s.Name == "lm_head.weight" })
	embedding := slices.IndexFunc(m.specs, func(s checkpoint.Spec) bool { return s.Name == "model.embed_tokens.weight" })
	other := m.write()
	m.data[head] = m.data[embedding]
	same := m.write()
	m.specs, m.data = slices.Delete(m.specs, head, head+1), slices.Delete(m.data, head, head+1)
	without := m.write()

	seq := [][]int32{m.text(20)}
	want := logitsOn(t, without, 1, Routing{}, seq)
	for _, ranks := range familyRanks {
		if err := bitForBit.checkAll(logitsOn(t, same, ranks, Routing{}, seq), want); err != nil {
			t.Errorf("P=%d, stored twice: %v", ranks, err)
		}
	}
	err := collective.Run(1, collective.Options{}, func(comm collective.Communicator) error {
		_, err := Load(Process{Comm: comm, Hosts: []string{"host"}, Threads: 1}, other, LoadOptions{})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), `tensor "lm_head.weight": element 0 [0 0] is `) || !strings.Contains(err.Error(), `"tie_word_embeddings" says that they are one matrix`) {
		t.Errorf("another matrix: %v", err)
	}
}
